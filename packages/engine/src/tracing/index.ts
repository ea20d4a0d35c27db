// What the service needs of traces for spans of its own.
export { failSpan, isTracing, storedContext, traceHeaders, tracer } from './trace-context.ts';
