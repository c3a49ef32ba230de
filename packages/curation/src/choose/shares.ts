// Shares of the whole: how much of what is kept is landscape, and how much shows people, by its captions. A share is at least
// what is asked: clips that are on the other side are thinned at random. That the other side is never filled up is ours.

import { uniform } from '../measures/random.ts';
import type { Judged } from './candidate.ts';

/** Shares of kept clips, 0 .. 1. */
export interface Shares {
  /** At least as wide as high. */
  readonly landscape?: number | undefined;
  /** Whose caption tells of people. */
  readonly people?: number | undefined;
}

const PEOPLE =
  /\b(person|people|persons|m[ae]n|wom[ae]n|boys?|girls?|child(ren)?|kids?|bab(y|ies)|crowds?|teenagers?|adults?|lad(y|ies)|gentlem[ae]n|guys?|couples?|famil(y|ies)|actors?|dancers?|players?|athletes?|workers?|students?|teachers?|chefs?|farmers?|soldiers?|faces?|s?he|his|her|someone|humans?)\b/i;

/** Whether a caption tells of people. */
export const tellsOfPeople = (caption: string): boolean => PEOPLE.test(caption);

/**
 * Thins clips until the shares hold.
 * @returns what could not be done, a line each.
 */
export function refuseForShares(judged: readonly Judged[], shares: Shares, seed: number): string[] {
  const notes: string[] = [];
  const kept = () => judged.filter(({ refusal }) => refusal === undefined);
  const order = new Map(judged.map((one, k) => [one, uniform(seed, 'shares', k)]));
  const wide = ({ candidate: { info } }: Judged) => info!.width >= info!.height;
  const people = ({ candidate: { caption = '' } }: Judged) => tellsOfPeople(caption);
  const thin = (share: number | undefined, inside: (one: Judged) => boolean, what: string): boolean => {
    const now = kept();
    const outside = now.filter((one) => !inside(one));
    const count = now.length - outside.length;
    if (share === undefined || share <= 0 || outside.length === 0) return false;
    if (count === 0 && share < 1) {
      const note = `shares: no clip ${what}: the share of ${share} was left out`;
      if (!notes.includes(note)) notes.push(note);
      return false;
    }
    const room = Math.floor((count * (1 - share)) / share + 1e-9);
    if (outside.length <= room) return false;
    // Portrait clips go first, so that thinning for people leaves the share of landscape as it is, where it can.
    outside.sort((a, b) => Number(wide(a)) - Number(wide(b)) || order.get(a)! - order.get(b)!);
    for (const one of outside.slice(0, outside.length - room))
      one.refusal = { filter: 'shares', reason: `thinned: of what is kept, ${share} ${what}` };
    return true;
  };
  const captioned = kept().some(({ candidate }) => candidate.caption !== undefined);
  if (shares.people !== undefined && !captioned)
    notes.push('shares: no clip has a caption, so the share of people was left out');
  for (let changed = true; changed; ) {
    changed = thin(shares.landscape, wide, 'is landscape');
    if (captioned) changed = thin(shares.people, people, 'shows people') || changed;
  }
  return notes;
}
