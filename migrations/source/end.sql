-- All at once, so that no helper can be left open.
revoke all on all functions in schema relay from public, anon, authenticated;
grant execute on all functions in schema relay to service_role;

-- The API caches which functions there are.
notify pgrst, 'reload schema';

commit;
