/** Advice for a person whose client cannot be served. HOST publishes its description. */
export const CLIENT_FAULTS = {
  unknown: {
    status: 400,
    sentence:
      'This relay does not know the app that sent you here. Remove the connection in the app and add it again.',
  },
  unreachable: {
    status: 400,
    sentence:
      'This relay could not fetch the description that HOST publishes of the app that sent you here. Nothing is wrong with your key or with the connection in the app: wait a minute, then connect again. If it fails again, HOST does not answer this relay; connect the app with the key instead, if it can send one.',
  },
  invalid: {
    status: 400,
    sentence:
      'The description that HOST publishes of the app that sent you here is missing or not valid, so the relay cannot tell where it may send you. Only HOST can fix that; connect the app with the key instead, if it can send one.',
  },
  limited: {
    status: 429,
    sentence:
      'Too many unknown apps have asked to connect from your address. Wait a minute, then connect again.',
  },
} as const
