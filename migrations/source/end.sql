-- The API caches which functions there are.
notify pgrst, 'reload schema';

commit;
