// The errors that a client is told of, in the shape of OpenAI's API. Whatever else is thrown is a mistake of ours, and is
// answered without its text (api/app.ts).

/** Statuses that this API answers with, beside 200. */
export type ErrorStatus = 400 | 401 | 403 | 404 | 409 | 413 | 415 | 422 | 429 | 500 | 503 | 507;

/** What `error` of an answer holds. */
export interface ErrorBody {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
}

/** An error that is answered to the client: a sentence that says what to do. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly param: string | null;
  /** Seconds after which another try makes sense. */
  readonly retryAfter: number | undefined;

  constructor(
    readonly status: ErrorStatus,
    readonly code: string,
    message: string,
    { param = null, retryAfter }: { param?: string | null; retryAfter?: number | undefined } = {},
  ) {
    super(message);
    this.param = param;
    this.retryAfter = retryAfter;
  }

  /** The envelope. */
  get body(): { readonly error: ErrorBody } {
    const { message, param, code, status } = this;
    return { error: { message, type: TYPES[status], param, code } };
  }
}

const TYPES: Readonly<Record<ErrorStatus, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'invalid_request_error',
  409: 'conflict_error',
  413: 'invalid_request_error',
  415: 'invalid_request_error',
  422: 'invalid_request_error',
  429: 'rate_limit_error',
  500: 'server_error',
  503: 'server_error',
  507: 'server_error',
};

/** A wrong value of a field. */
export const invalid = (param: string | null, message: string, code = 'invalid_value'): ApiError =>
  new ApiError(400, code, message, { param });

/** The database cannot be reached, or is not there yet. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
}

/** Whether a write failed since there is no room: a full disk, or a quota. */
export function isFull(error: unknown): boolean {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  return (
    ['ENOSPC', 'EDQUOT', 'EFBIG', 'InsufficientStorage', 'QuotaExceeded', 'XMinioStorageFull'].includes(
      code as string,
    ) ||
    (cause !== undefined && isFull(cause))
  );
}
