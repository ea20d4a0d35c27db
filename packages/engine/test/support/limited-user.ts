const RIGHTS =
  '~asynq:* ~tc:* &asynq:* +@read +@write +@connection +@scripting +@pubsub +time +wait +command|info -@dangerous ' +
  '+info +role +cluster|slots +cluster|keyslot +cluster|info';

/** Arguments of `redis-server` that create a user with only the rights that docs/redis.md lists. */
export const LIMITED_USER = ['--user', 'taskcenter', 'on', '>secret', ...RIGHTS.split(' ')];

/** The URL with the login of this user. */
export const asLimitedUser = (url: string): string => url.replace('//', '//taskcenter:secret@');
