/** A model that the server has. */
export interface Model {
  /** Its files lie in this folder. */
  readonly root: string;
  readonly commit: string;
  /** Names of the same commit, beside `main`. */
  readonly tags?: readonly string[];
  readonly access?: 'public' | 'private' | 'gated';
}
/** What goes wrong; a test changes it. */
export interface Faults {
  /** Ends a transfer from the second host after so many bytes, so many times. */
  breaks?: {
    after: number;
    times: number;
  };
  /** Answers so many requests with 429. */
  limits?: {
    times: number;
    wait: string;
  };
  /** Sends other bytes than it lists. */
  damages?: boolean;
}
/** A request that came. */
export interface Asked {
  readonly host: 'hub' | 'cdn';
  readonly method: string;
  readonly path: string;
  readonly token: string | undefined;
  readonly range: string | undefined;
}
/** The server, and its second host, to which large files are redirected. */
export interface FakeHub {
  readonly url: string;
  readonly asked: Asked[];
  readonly faults: Faults;
  close(): void;
}
/** The token that may read everything. */
export declare const TOKEN = 'hf_right';
/** Starts a hub with some models, by their id. */
export declare function fakeHub(models: Readonly<Record<string, Model>>, port?: number): Promise<FakeHub>;
