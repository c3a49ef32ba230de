// All that the page of a comparison and its server say to each other. Nothing here tells which video is whose.

/** What a rater is shown next. */
export interface Shown {
  readonly rater: string;
  readonly done: number;
  readonly total: number;
  /** Whether there is a vote to take back. */
  readonly canUndo: boolean;
  /** Undefined where the rater has answered everything. */
  readonly task?: Task;
}

/** A pair of videos to judge. */
export interface Task {
  readonly axis: string;
  readonly title: string;
  readonly question: string;
  readonly pair: number;
  readonly round: number;
  readonly prompt: string;
  /** Addresses of the videos. */
  readonly left: string;
  readonly right: string;
}

/** A vote on its way to the server. */
export interface Answer {
  readonly rater: string;
  readonly axis: string;
  readonly pair: number;
  readonly round: number;
  readonly choice: 'left' | 'tie' | 'right';
}
