// Lines for the operator, on stderr: one JSON object per line. No text of a client stands in them: ids of ours, numbers, and
// patterns of routes; what a library says of a failure is quoted by JSON.

/** Writes a line. */
export type Log = (event: string, values?: Readonly<Record<string, unknown>>) => void;

/** Lines on stderr. */
export const stderrLog: Log = (event, values = {}) => {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), event, ...values })}\n`);
};
