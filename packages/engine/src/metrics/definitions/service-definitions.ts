import { SECOND_BUCKETS, SHORT_BUCKETS, type MetricDefinition } from './definition.ts';

/** How a callback ended: a class of statuses, or `error` where no answer came. */
const CALLBACK_CLASSES = ['2xx', '3xx', '4xx', '5xx', 'error'] as const;

/** What these metrics have in common. */
const ofService = (help: string, labels: readonly [] = []) =>
  ({ scope: 'process', group: 'service', help, labels }) as const;

/** What the service itself does. */
export const SERVICE_DEFINITIONS = {
  taskcenter_build_info: {
    ...ofService('Always 1: the version of the program and the kind of the broker.'),
    type: 'gauge',
    labels: ['version', 'broker'],
  },
  // Callbacks wait for one another when as many are in flight.
  taskcenter_worker_slots: {
    ...ofService('Callbacks that this process delivers at once at most; 0 without the role worker.'),
    type: 'gauge',
    labels: ['kind'],
    values: { kind: ['callback'] },
  },
  taskcenter_callbacks_in_flight: {
    ...ofService('Callbacks that were sent and have no whole answer yet.'),
    type: 'gauge',
  },
  taskcenter_callback_seconds: {
    ...ofService('How long callbacks took, from the request to the end of the answer.'),
    type: 'histogram',
    labels: ['class'],
    values: { class: CALLBACK_CLASSES },
    buckets: SECOND_BUCKETS,
  },
  taskcenter_callbacks_total: {
    ...ofService('Callbacks by class, and by the class of their error, which is empty after a success.'),
    type: 'counter',
    labels: ['class', 'error'],
  },
  taskcenter_http_requests_in_flight: {
    ...ofService('Requests that are being answered, this one included.'),
    type: 'gauge',
  },
  taskcenter_http_request_seconds: {
    ...ofService('How long requests took, by the template of their path; `-` = there is no such path.'),
    type: 'histogram',
    labels: ['route', 'method', 'status'],
    buckets: SHORT_BUCKETS,
  },
  // As the log tells them: callers get one answer for all reasons.
  taskcenter_auth_failures_total: {
    ...ofService('Requests whose key was refused, by the reason, which the caller is not told.'),
    type: 'counter',
    labels: ['reason'],
    values: { reason: ['no_key', 'not_a_key', 'unknown_key', 'wrong_secret', 'expired_or_revoked'] },
  },
} as const satisfies Record<string, MetricDefinition>;
