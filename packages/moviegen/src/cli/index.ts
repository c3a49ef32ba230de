// What the commands of other packages share with those of this one (addOns.ts).

export type { AddOn } from './addOns.ts';
export { Run } from './run.ts';
