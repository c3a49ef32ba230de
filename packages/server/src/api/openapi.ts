// The OpenAPI document, whose requests are the schemas that check them. Answers are described here; api/answers.ts makes them.

import { z } from 'zod';
import type { Schemas } from './fields.ts';

type Json = Record<string, unknown>;

const text = { type: 'string' };
const nullable = (type: string) => ({ type: [type, 'null'] });
const object = (properties: Json, required = Object.keys(properties)): Json => ({
  type: 'object',
  properties,
  required,
});
const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

const schemas: Json = {
  Error: object({
    error: object({ message: text, type: text, param: nullable('string'), code: nullable('string') }),
  }),
  Video: object({
    id: text,
    object: { const: 'video' },
    model: text,
    status: { enum: ['queued', 'in_progress', 'completed', 'failed'] },
    progress: { type: 'integer', minimum: 0, maximum: 100 },
    created_at: { type: 'integer' },
    completed_at: nullable('integer'),
    expires_at: nullable('integer'),
    error: { oneOf: [{ type: 'null' }, object({ code: text, message: text })] },
    prompt: nullable('string'),
    remixed_from_video_id: nullable('string'),
    seconds: text,
    size: text,
    kind: { enum: ['text', 'image', 'reference', 'edit', 'extend', 'upscale'] },
    seed: { type: ['integer', 'string'] },
    steps: { type: 'integer' },
    guidance_scale: { type: 'number' },
    negative_prompt: text,
    num_frames: { type: 'integer' },
    fps: { type: 'number' },
  }),
  VideoPage: object({
    object: { const: 'list' },
    data: { type: 'array', items: ref('Video') },
    first_id: nullable('string'),
    last_id: nullable('string'),
    has_more: { type: 'boolean' },
  }),
  Deleted: object({ id: text, object: { const: 'video.deleted' }, deleted: { type: 'boolean' } }),
  Character: object({
    id: text,
    object: { const: 'character' },
    name: text,
    created_at: { type: 'integer' },
  }),
  Model: object({
    id: text,
    object: { const: 'model' },
    created: { type: 'integer' },
    owned_by: text,
    kinds: { type: 'array', items: text },
    size: text,
    size_multiple: object({ width: { type: 'integer' }, height: { type: 'integer' } }),
    seconds: text,
    num_frames: { type: 'integer' },
    fps: { type: 'number' },
    steps: { type: 'integer' },
    guidance_scale: { type: 'number' },
    max_pixels: nullable('integer'),
  }),
  ModelList: object({ object: { const: 'list' }, data: { type: 'array', items: ref('Model') } }),
};

const parameter = (
  name: string,
  where: 'path' | 'query' | 'header',
  schema: Json,
  description: string,
): Json => ({
  name,
  in: where,
  required: where === 'path',
  schema,
  description,
});
const videoId = parameter('id', 'path', text, 'Id of a video.');
const idempotency = parameter(
  'Idempotency-Key',
  'header',
  { type: 'string', maxLength: 255 },
  'Requests with the same key make one video.',
);
const answer = (schema: Json, type = 'application/json'): Json => ({
  description: 'Done.',
  content: { [type]: { schema } },
});
const failure: Json = {
  description: 'What is wrong, and what to do.',
  content: { 'application/json': { schema: ref('Error') } },
};

/** The document. @param hasKeys whether requests need a key */
export function openApi(fields: Schemas, hasKeys: boolean): Json {
  const schemaOf = (schema: z.ZodType): Json => {
    const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Json;
    return rest;
  };
  const body = (schema: z.ZodType, types = ['application/json', 'multipart/form-data']): Json => ({
    required: true,
    content: Object.fromEntries(types.map((type) => [type, { schema: schemaOf(schema) }])),
  });
  const query = (schema: z.ZodObject): Json[] =>
    Object.entries(schema.shape).map(([name, field]) => {
      const one = schemaOf(field as z.ZodType);
      return parameter(name, 'query', one, String(one.description ?? name));
    });
  const operation = (operationId: string, summary: string, response: Json, more: Json = {}): Json => ({
    operationId,
    summary,
    responses: { 200: response, default: failure },
    ...more,
  });
  const video = answer(ref('Video'));
  return {
    openapi: '3.1.0',
    info: {
      title: 'moviegen',
      version: '1',
      description: 'Videos, as OpenAI’s API has them, by the checkpoints of this server.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    ...(hasKeys && { security: [{ key: [] }] }),
    paths: {
      '/v1/videos': {
        post: operation('createVideo', 'Creates a video', video, {
          parameters: [idempotency],
          requestBody: body(fields.create),
        }),
        get: operation('listVideos', 'Lists videos', answer(ref('VideoPage')), {
          parameters: query(fields.list),
        }),
      },
      '/v1/videos/edits': {
        post: operation('editVideo', 'Changes a video', video, {
          parameters: [idempotency],
          requestBody: body(fields.edit),
        }),
      },
      '/v1/videos/extensions': {
        post: operation('extendVideo', 'Continues a video', video, {
          parameters: [idempotency],
          requestBody: body(fields.extend),
        }),
      },
      '/v1/videos/upscales': {
        post: operation('upscaleVideo', 'Makes a video larger, where there is an upsampler', video, {
          parameters: [idempotency],
          requestBody: body(fields.upscale),
        }),
      },
      '/v1/videos/characters': {
        post: operation('createCharacter', 'Creates a character', answer(ref('Character')), {
          requestBody: body(fields.character, ['multipart/form-data']),
        }),
      },
      '/v1/videos/characters/{id}': {
        get: operation('getCharacter', 'Shows a character', answer(ref('Character')), {
          parameters: [parameter('id', 'path', text, 'Id of a character.')],
        }),
      },
      '/v1/videos/{id}': {
        get: operation('getVideo', 'Shows a video', video, { parameters: [videoId] }),
        delete: operation('deleteVideo', 'Deletes a video, and stops its job', answer(ref('Deleted')), {
          parameters: [videoId],
        }),
      },
      '/v1/videos/{id}/content': {
        get: operation(
          'getVideoContent',
          'Downloads a video',
          answer({ type: 'string', format: 'binary' }, 'video/mp4'),
          {
            parameters: [videoId, ...query(fields.content)],
          },
        ),
      },
      '/v1/videos/{id}/events': {
        get: operation(
          'watchVideo',
          'Server-sent events: video, preview, deleted',
          answer(text, 'text/event-stream'),
          {
            parameters: [videoId],
          },
        ),
      },
      '/v1/videos/{id}/remix': {
        post: operation('remixVideo', 'Makes a video again with another prompt', video, {
          parameters: [videoId, idempotency],
          requestBody: body(fields.remix),
        }),
      },
      '/v1/models': {
        get: operation('listModels', 'Lists models, and what each allows', answer(ref('ModelList'))),
      },
      '/v1/models/{id}': {
        get: operation('getModel', 'Shows a model', answer(ref('Model')), {
          parameters: [parameter('id', 'path', text, 'Name of a model.')],
        }),
      },
      ...Object.fromEntries(
        [
          ['/healthz', 'isAlive', 'Whether the server runs', 'application/json'],
          ['/readyz', 'isReady', 'Whether it can take jobs', 'application/json'],
          ['/metrics', 'getMetrics', 'Figures for Prometheus', 'text/plain'],
          ['/openapi.json', 'getOpenApi', 'This document', 'application/json'],
        ].map(([path, id, summary, type]) => [
          path,
          { get: { ...operation(id!, summary!, answer({}, type!)), security: [] } },
        ]),
      ),
    },
    components: { schemas, ...(hasKeys && { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } }) },
  };
}
