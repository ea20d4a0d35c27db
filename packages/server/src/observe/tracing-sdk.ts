/** The SDK of OpenTelemetry, which is loaded only where the environment names a receiver of traces. */
import { context, trace } from '@opentelemetry/api';
import type { Log } from '@task-center/engine';

/** Longest wait for the last spans to be sent, ms: a part of the grace of a stop. */
const MAX_FLUSH_MS = 500;

/** A running SDK. */
export interface Tracing {
  /** Sends what is left, for up to 500 ms. */
  stop(): Promise<void>;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Whether the environment asks for traces, as OpenTelemetry's specification has it. */
function wantsTraces(env: Environment): boolean {
  const isOff = env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none';
  return !isOff && Boolean(env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_ENDPOINT']);
}

/** What the packages read of the environment themselves: exporter, batches, limits of spans, sampler. */
async function load() {
  const [{ BasicTracerProvider, BatchSpanProcessor }, { AsyncLocalStorageContextManager }, otlp, resources] =
    await Promise.all([
      import('@opentelemetry/sdk-trace-base'),
      import('@opentelemetry/context-async-hooks'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ]);
  return {
    BasicTracerProvider,
    BatchSpanProcessor,
    AsyncLocalStorageContextManager,
    OTLPTraceExporter: otlp.OTLPTraceExporter,
    ...resources,
  };
}

/** Sets the SDK up for this process; null = the environment asks for no traces, and nothing is loaded. */
export async function startTracing(
  env: Environment,
  { log, version }: { readonly log: Log; readonly version: string },
): Promise<Tracing | null> {
  if (!wantsTraces(env)) return null;
  // Before the broker is connected to: the first calls are seen, too.
  const sdk = await load();
  const own = sdk.resourceFromAttributes({ 'service.name': 'task-center', 'service.version': version });
  // The environment comes later, and wins.
  const named = sdk.detectResources({ detectors: [sdk.envDetector] });
  const provider = new sdk.BasicTracerProvider({
    resource: sdk.defaultResource().merge(own).merge(named),
    spanProcessors: [new sdk.BatchSpanProcessor(new sdk.OTLPTraceExporter())],
  });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new sdk.AsyncLocalStorageContextManager().enable());
  return {
    async stop() {
      const late = new Promise<void>((resolve) => setTimeout(resolve, MAX_FLUSH_MS).unref());
      await Promise.race([provider.shutdown(), late]).catch((err: unknown) =>
        log.warn({ err }, 'the last spans could not be sent'),
      );
      // A service that is started again in this process sets up its own.
      trace.disable();
      context.disable();
    },
  };
}
