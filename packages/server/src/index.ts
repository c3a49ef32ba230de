// The public names of @moviegen/server: a server and workers in a program of one's own.

export { readKeys } from './api/auth.ts';
export { ApiError } from './errors.ts';
export type { WorkerJobs } from './jobs/leases.ts';
export type { Claimed, JobRequest } from './jobs/rows.ts';
export { LIMITS, type Limits } from './limits.ts';
export { type Log, stderrLog } from './log.ts';
export { KINDS, type Kind, type ModelCard } from './models.ts';
export { type Server, type ServerOptions, startServer } from './server.ts';
export type { Store } from './store/store.ts';
export { type Engine, EngineBroken, type EngineContext } from './worker/engine.ts';
export { pipelineEngine } from './worker/pipelines.ts';
export {
  type ServerLine,
  serverLine,
  startWorkers,
  type WorkerProcesses,
  type WorkerProgram,
} from './worker/processes.ts';
export { runWorker, type WorkerOptions } from './worker/worker.ts';
