import { didYouMean } from '@task-center/model';

/** Names that other libraries and earlier versions have for our options. The first of ours that the object takes is meant. */
const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  aggregate: ['aggregator', 'groupaggregator'],
  backoff: ['retrydelay', 'retrybackoff', 'retrypolicy', 'retrydelayfunc'],
  businessId: ['business', 'tenant', 'tenantid', 'account', 'accountid'],
  concurrency: ['workers', 'parallelism', 'threads', 'teamsize', 'poolsize', 'batchsize', 'concurrentjobs'],
  deadline: ['expiresat', 'expireat', 'expiry'],
  delay: ['processin', 'countdown', 'startin', 'runin', 'delayby', 'after'],
  every: ['interval', 'period', 'healthcheckinterval'],
  factor: ['multiplier', 'exponent', 'base'],
  gracePeriod: ['groupgraceperiod', 'window'],
  group: ['groupid', 'groupkey'],
  headers: ['metadata', 'meta', 'tags'],
  heartbeat: ['heartbeatinterval', 'heartbeatevery'],
  id: ['jobid', 'taskid', 'jobkey', 'key', 'uuid', 'uid'],
  initial: ['initialdelay', 'initialinterval', 'min', 'mindelay'],
  isFailure: ['shouldfail', 'iserror'],
  lease: ['lockduration', 'locktime', 'visibilitytimeout', 'leasetime', 'leaseduration', 'ackwait'],
  limit: ['pagesize', 'perpage', 'count', 'size', 'take'],
  log: ['logger', 'logging'],
  max: ['maxdelay', 'maxinterval', 'cap'],
  maxRetries: [
    'attempts',
    'retries',
    'retry',
    'maxretry',
    'maxattempts',
    'retrylimit',
    'retrycount',
    'tries',
  ],
  maxSize: ['groupmaxsize', 'batchsize'],
  maxDelay: ['groupmaxdelay', 'maxwait'],
  maxStall: ['stalledinterval', 'stalltimeout', 'stallinterval'],
  onError: ['errorhandler', 'onfailure', 'onfailed', 'onfail'],
  onProgress: ['progress'],
  order: ['priority', 'priorities', 'strict', 'strictpriority', 'priorityorder'],
  pageSize: ['limit', 'perpage', 'size'],
  pause: ['wait', 'sleep', 'interval'],
  payload: ['data', 'args', 'body', 'message', 'input'],
  postEnqueue: ['afterenqueue', 'onenqueued', 'postenqueuefunc'],
  preEnqueue: ['beforeenqueue', 'onenqueue', 'preenqueuefunc'],
  provider: ['configprovider', 'periodictaskconfigprovider', 'source', 'getconfigs', 'tasks'],
  queue: ['queuename', 'topic', 'channel'],
  queues: ['queuenames', 'topics', 'channels'],
  repair: ['fix', 'mend'],
  report: ['healthcheckfunc', 'callback', 'oncheck'],
  retention: ['ttl', 'keep', 'keepfor', 'removeoncomplete', 'resultttl', 'keeplogs'],
  retryAfter: ['delay', 'after', 'retryin', 'retrydelay'],
  runAt: [
    'processat',
    'startafter',
    'startat',
    'scheduledat',
    'scheduleat',
    'scheduledfor',
    'eta',
    'when',
    'at',
  ],
  shutdownTimeout: ['graceperiod', 'draintimeout', 'closetimeout', 'stoptimeout', 'gracefulshutdowntimeout'],
  signal: ['abortsignal', 'abort', 'cancel'],
  spec: ['cron', 'cronspec', 'schedule', 'pattern', 'expression', 'cronexpression', 'rule'],
  syncInterval: ['interval', 'pollinterval', 'refreshinterval', 'every'],
  task: ['type', 'name', 'job', 'taskname', 'tasktype', 'jobname'],
  timeout: ['maxruntime', 'ttr', 'shutdowntimeout', 'graceperiod', 'jobtimeout'],
  timeZone: ['tz', 'zone', 'location'],
  unique: ['uniquefor', 'uniquekey', 'deduplicate', 'deduplication', 'dedupe', 'debounce', 'uniquettl'],
  userId: ['user'],
};

/** Options have no unit in their name: their durations say it themselves. */
const UNIT = /(?:in)?(?:ms|millis|milliseconds|secs?|seconds)$/;

const plainName = (name: string): string => name.toLowerCase().replaceAll(/[-_]/g, '');

/** The name among `known` that was probably meant; null = there is no likely one. */
export function likelyName(given: string, known: readonly string[]): string | null {
  const plain = plainName(given);
  const plainest = plain.replace(UNIT, '');
  const sameName = known.find((name) => plainName(name) === plain || plainName(name) === plainest);
  const ours = (name: string) => OTHER_NAMES[name]?.some((other) => other === plain || other === plainest);
  return sameName ?? known.find(ours) ?? didYouMean(given, known);
}
