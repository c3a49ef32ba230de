// The OpenAPI document, checked by OpenAPI's own schema; and its routes by those of the server.

import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, it } from 'vitest';
import { schemasOf } from '../src/api/fields.ts';
import { openApi } from '../src/api/openapi.ts';

for (const hasKeys of [true, false])
  it(`is valid ${hasKeys ? 'with' : 'without'} keys`, async () => {
    const document = openApi(schemasOf(100), hasKeys);
    const validator = new Validator();
    expect(await validator.validate(JSON.parse(JSON.stringify(document)))).toMatchObject({ valid: true });
    expect(() => validator.resolveRefs()).not.toThrow();
  });

it('shows the fields that requests take', () => {
  const document = JSON.parse(JSON.stringify(openApi(schemasOf(100), false)));
  const { content } = document.paths['/v1/videos'].post.requestBody;
  const { properties, required, additionalProperties } = content['multipart/form-data'].schema;
  expect(Object.keys(properties)).toEqual([
    ...['prompt', 'model', 'size', 'seconds', 'input_reference', 'characters'],
    ...['seed', 'steps', 'guidance_scale', 'negative_prompt', 'num_frames', 'fps'],
  ]);
  expect([required, additionalProperties]).toEqual([['prompt'], false]);
  expect(properties.prompt).toMatchObject({ type: 'string', maxLength: 100 });
  expect(properties.input_reference.anyOf[0]).toMatchObject({ type: 'string', format: 'binary' });
});
