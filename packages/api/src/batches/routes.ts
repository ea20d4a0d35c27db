import { limits } from '../limits.ts';
import { resource } from '../route.ts';
import { strict } from '../strict.ts';
import { batchAnswer, batchEnvelope, batchInput } from './schemas.ts';

const { post } = resource('batches');

export const batchRoutes = {
  submitBatch: post('/v1/batches', {
    role: 'submitter',
    tag: 'tasks',
    summary: 'Submit up to 1,000 tasks; each has its own outcome',
    query: strict({}, ['dry_run']),
    body: batchInput,
    checked: batchEnvelope,
    bodyBytes: limits.batchBodyBytes,
    requestHeaders: ['traceparent', 'tracestate'],
    answers: { 200: batchAnswer },
    problems: ['broker-unsafe'],
    // As for a single task: each stored task says who submitted it.
    audit: false,
  }),
};
