import { pageOf } from '../page.ts';
import { resource } from '../route.ts';
import { strict } from '../strict.ts';
import { queueName } from '../values.ts';
import { pauseInput, queue, resumeInput } from './schemas.ts';

const { get, post } = resource('queues');
const params = strict({ name: queueName });

export const queueRoutes = {
  listQueues: get('/v1/queues', {
    role: 'viewer',
    summary: 'All queues with their counts',
    query: strict({}, ['limit', 'cursor']),
    answers: { 200: pageOf('QueuePage', queue) },
  }),
  getQueue: get('/v1/queues/{name}', {
    role: 'viewer',
    summary: 'A queue with its counts',
    params,
    answers: { 200: queue },
    problems: ['not-found'],
  }),
  pauseQueue: post('/v1/queues/{name}/pause', {
    role: 'operator',
    summary: 'Let no further task of a queue start',
    params,
    body: pauseInput,
    bodyOptional: true,
    answers: { 200: queue },
    problems: ['not-found'],
  }),
  resumeQueue: post('/v1/queues/{name}/resume', {
    role: 'operator',
    summary: 'Let the tasks of a paused queue start again',
    params,
    body: resumeInput,
    bodyOptional: true,
    answers: { 200: queue },
    problems: ['not-found'],
  }),
};
