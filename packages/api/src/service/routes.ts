// Operations about the service itself. They need no key.

import * as z from 'zod';
import { resource } from '../route.ts';
import { strict } from '../strict.ts';
import { contractDocument, health, version } from './schemas.ts';

const { get } = resource('service');
const healthQuery = strict({}, ['verbose']);

export const serviceRoutes = {
  getHealth: get('/healthz', {
    role: '-',
    summary: 'Whether the process is alive',
    query: healthQuery,
    answers: { 200: health },
  }),
  getReadiness: get('/readyz', {
    role: '-',
    summary:
      'Whether the service takes requests: started, not stopping, broker in reach and able to keep its promises',
    query: healthQuery,
    answers: { 200: health, 503: health },
  }),
  getStartup: get('/startupz', {
    role: '-',
    summary: 'Whether the service has finished starting',
    query: healthQuery,
    answers: { 200: health, 503: health },
  }),
  getVersion: get('/version', {
    role: '-',
    summary: 'Version of the program',
    answers: { 200: version },
  }),
  getOpenapi: get('/openapi.json', {
    role: '-',
    summary: 'This contract as OpenAPI 3.1',
    answers: { 200: contractDocument },
    // It is large: it needs room among the answers that are not yet taken.
    problems: ['overloaded'],
  }),
  getPage: get('/', {
    role: '-',
    summary: 'A page for people about this service',
    // A link to the page may carry any parameters; none is read.
    query: z.looseObject({}),
    answers: { 200: z.string() },
    answerHeaders: ['content-security-policy'],
    produces: 'text/html; charset=utf-8',
  }),
};
