// Operations on the store of tasks itself, whatever is in it.

import * as z from 'zod';
import { resource } from '../route.ts';
import { brokerState } from './schemas.ts';

const { get } = resource('broker');

/** Bytes that are sent as they are read; the client gets them as a stream, and reads it or cancels it. */
const bytes = z
  .custom<ReadableStream<Uint8Array>>((value) => value instanceof ReadableStream)
  .meta({ type: 'string', format: 'binary' });

export const brokerRoutes = {
  getBroker: get('/v1/broker', {
    role: 'viewer',
    summary: 'What the broker is, and whether it can keep its promises',
    answers: { 200: brokerState },
  }),
  getBrokerBackup: get('/v1/broker/backup', {
    role: 'admin',
    summary: 'A consistent copy of the SQLite file, made while it is in use',
    answers: { 200: bytes },
    answerHeaders: ['content-disposition', 'content-length'],
    produces: 'application/vnd.sqlite3',
    problems: ['not-supported', 'broker-full'],
    // It reads, but everything: who has a copy has all payloads.
    audit: true,
  }),
};
