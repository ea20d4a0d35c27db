const RIGHTS =
  '~asynq:* ~tc:* &asynq:* +@read +@write +@connection +@scripting +@pubsub +time +wait +command|info -@dangerous ' +
  '+info +role +cluster|slots +cluster|keyslot +cluster|info';

/** Arguments of `redis-server` for a user with just the rights that docs/redis.md names. */
export const LIMITED_USER = ['--user', 'taskcenter', 'on', '>secret', ...RIGHTS.split(' ')];

export const asLimitedUser = (url: string): string => url.replace('//', '//taskcenter:secret@');
