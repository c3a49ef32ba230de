// Bodies of requests, JSON or multipart, as plain objects, and their check against a schema. In a form, everything is text:
// `video[id]`, `characters[][id]` are nested values, and text becomes a number where the schema wants one.

import type { HonoRequest } from 'hono';
import { z } from 'zod';
import { ApiError, invalid } from '../errors.ts';

type Values = Record<string, unknown>;

/** Reads and checks a body. @throws ApiError naming the first field that is wrong */
export async function bodyOf<T extends z.ZodObject>(request: HonoRequest, schema: T): Promise<z.infer<T>> {
  const type = (request.header('content-type') ?? '').split(';')[0]!.trim().toLowerCase();
  if (type === 'multipart/form-data') return checked(schema, await formOf(request), true);
  if (type === 'application/json' || type === '') return checked(schema, await jsonOf(request), false);
  throw new ApiError(
    415,
    'unsupported_media_type',
    'the body must be application/json or multipart/form-data: set the header Content-Type',
  );
}

/** Checks the values of a query. @throws ApiError */
export function queryOf<T extends z.ZodObject>(request: HonoRequest, schema: T): z.infer<T> {
  return checked(schema, Object.assign(Object.create(null), request.query()) as Values, true);
}

async function jsonOf(request: HonoRequest): Promise<unknown> {
  const text = await request.text();
  try {
    return JSON.parse(text === '' ? '{}' : text);
  } catch {
    throw invalid(null, 'the body is not JSON that can be read: check its quotes and commas', 'invalid_json');
  }
}

async function formOf(request: HonoRequest): Promise<Values> {
  let form: FormData;
  try {
    form = await request.raw.formData();
  } catch (error) {
    if (error instanceof ApiError || (error as { cause?: unknown }).cause instanceof ApiError) throw error;
    throw invalid(
      null,
      'the form cannot be read: it breaks off, or its boundary is not the one of Content-Type',
      'invalid_multipart',
    );
  }
  const values: Values = Object.create(null);
  for (const [name, value] of form) put(values, name, value);
  return values;
}

/** Puts a value of a form into its place: `a`, `a[b]`, `a[]`, `a[][b]`, `a[0][b]`. */
function put(values: Values, name: string, value: unknown): void {
  const [, first, list, inner] = /^([^[\]]{1,64})(?:\[(\d{0,2})\])?(?:\[([^[\]]{1,64})\])?$/.exec(name) ?? [];
  if (first === undefined)
    throw invalid(null, 'the form has a field whose name cannot be read', 'invalid_multipart');
  const place = (holder: Values, key: string, to: unknown) => {
    if (Object.hasOwn(holder, key)) throw invalid(first, `${cut(first)} is given twice`, 'invalid_multipart');
    holder[key] = to;
  };
  const made = (of: () => object): Values => {
    if (!Object.hasOwn(values, first)) values[first] = of();
    if (typeof values[first] !== 'object' || values[first] instanceof File)
      throw invalid(first, `${cut(first)} is given in two ways`, 'invalid_multipart');
    return values[first] as Values;
  };
  if (list === undefined) {
    if (inner === undefined) place(values, first, value);
    else
      place(
        made(() => Object.create(null)),
        inner,
        value,
      );
    return;
  }
  const items = made(() => []) as unknown as unknown[];
  if (!Array.isArray(items)) throw invalid(first, `${cut(first)} is given in two ways`, 'invalid_multipart');
  if (inner === undefined) items.push(value);
  else items.push(Object.assign(Object.create(null), { [inner]: value }));
}

function checked<T extends z.ZodObject>(schema: T, given: unknown, isText: boolean): z.infer<T> {
  const value = isText ? withNumbers(schema, given as Values) : given;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw errorOf(schema, result.error, value);
}

/** Numbers in place of the texts of fields that take numbers. */
function withNumbers(schema: z.ZodObject, values: Values): Values {
  const isNumber = (type: unknown): boolean =>
    type instanceof z.ZodOptional ? isNumber(type.unwrap()) : type instanceof z.ZodNumber;
  const numbered: Values = Object.create(null);
  for (const [name, value] of Object.entries(values)) {
    const wants = Object.hasOwn(schema.shape, name) && isNumber(schema.shape[name]);
    const plain = wants && typeof value === 'string' && /^[+-]?\d{1,20}(\.\d{1,20})?$/.test(value);
    numbered[name] = plain ? Number(value) : value;
  }
  return numbered;
}

function errorOf(schema: z.ZodObject, error: z.ZodError, given: unknown): ApiError {
  const issue = error.issues[0]!;
  const known = Object.keys(schema.shape).join(', ');
  if (issue.code === 'unrecognized_keys' && issue.path.length === 0) {
    const name = cut(issue.keys[0]!);
    return invalid(name, `unknown parameter: ${name}; this request takes ${known}`, 'unknown_parameter');
  }
  const param = issue.path.map(String).map(cut).join('.') || null;
  if (param === null) return invalid(null, `the body must be an object with ${known}`);
  const missing = issue.code === 'invalid_type' && valueAt(given, issue.path) === undefined;
  if (missing) return invalid(param, `missing required parameter: ${param}`, 'missing_required_parameter');
  const inner = issue.code === 'invalid_union' ? innermost(issue.errors) : undefined;
  return invalid(param, `${param}: ${inner ?? issue.message}`);
}

/** What the last of several possible types misses, which says more than that none fits. */
function innermost(errors: readonly (readonly z.core.$ZodIssue[])[]): string | undefined {
  const all = errors.flat();
  return (all.find(({ code }) => code !== 'invalid_type') ?? all.at(-1))?.message;
}

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (at, key) => (at === null || at === undefined ? undefined : (at as Values)[key as string]),
    value,
  );

/** A name as a message shows it: plain and short. */
const cut = (name: string): string => name.replace(/[^\w.[\]-]/g, '?').slice(0, 40);
