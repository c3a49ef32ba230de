// Amounts of bytes and operations as short text, with prefixes.

/** `1.02 EFLOP` */
export const operations = (n: number): string => scaled(n, ['', 'k', 'M', 'G', 'T', 'P', 'E'], 1000, 'FLOP');

/** `85.1 GiB` */
export const bytes = (n: number): string => scaled(n, ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'], 1024, 'B');

function scaled(n: number, prefixes: readonly string[], base: number, unit: string): string {
  let step = 0;
  let value = n;
  while (value >= base && step < prefixes.length - 1) {
    value /= base;
    step++;
  }
  return `${step === 0 ? value.toFixed(0) : value.toPrecision(3)} ${prefixes[step]}${unit}`;
}
