// Figures for Prometheus. Labels are patterns of routes, states and names of models, never a text of a client.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Videos } from './jobs/videos.ts';

/** The figures of one server. */
export class Metrics {
  readonly registry = new Registry();
  readonly requests: Histogram<'method' | 'route' | 'status'>;
  readonly created: Counter<'model' | 'kind'>;

  constructor(videos: Videos) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.requests = new Histogram({
      name: 'moviegen_http_request_seconds',
      help: 'Time until an answer began, by route and status',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
      registers,
    });
    this.created = new Counter({
      name: 'moviegen_videos_created_total',
      help: 'Videos that clients asked this server for',
      labelNames: ['model', 'kind'],
      registers,
    });
    new Gauge({
      name: 'moviegen_videos',
      help: 'Videos in each state, of all servers on this database',
      labelNames: ['status'],
      registers,
      async collect() {
        const counts = await videos.counts();
        for (const status of ['queued', 'in_progress', 'completed', 'failed'])
          this.set({ status }, counts[status] ?? 0);
      },
    });
    new Gauge({
      name: 'moviegen_workers',
      help: 'Workers that were heard within the last minute, by model',
      labelNames: ['model'],
      registers,
      async collect() {
        this.reset();
        for (const { card, workers } of await videos.models()) this.set({ model: card.name }, workers);
      },
    });
  }
}
