export type Status = 'PENDING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED';

export interface LogLine {
  timestamp: string;
  level: 'info' | 'warning' | 'error';
  message: string;
}

/** What the events of a job say; members that an event does not have are left out. */
export interface VideoJobState {
  status: Status;
  progressPercentage: number;
  statusMessage?: string | null;
  errorMessage?: string | null;
  cloudinaryUrl?: string | null;
}

export interface NewVideo {
  prompt?: string;
  model: string;
  resolution: '720p' | '1080p';
  aspectRatio: '16:9' | '9:16';
  durationSeconds?: 4 | 8;
  generateAudio?: boolean;
  mockMode: boolean;
  lookId?: string;
  /** What becomes of the look's own picture. */
  useLookImage?: 'none' | 'initial' | 'reference';
  /** Products of the look whose pictures are reference images. */
  productIds?: string[];
  /** What a quote has said, in tokens; where the price has changed, it is refused. */
  expectedCost?: number;
  initialImage?: Blob;
  endFrame?: Blob;
  referenceImages?: Blob[];
  /** Makes it safe to ask again; made up where there is none. */
  idempotencyKey?: string;
}

/**
 * A request was refused: `code` never changes, `message` is a sentence to show, `field` is the input at fault, and by
 * `requestId` the operator finds it in the log.
 */
export class Refused extends Error {
  readonly status: number;
  readonly code: string | undefined;
  readonly field: string | undefined;
  readonly requestId: string | undefined;
}

export interface VideoJob {
  readonly id: string;
  /**
   * Calls back with each state, and resolves with the last one; a lost connection is taken up where it was. What a
   * callback throws ends it, and is what it rejects with.
   */
  follow(onState?: (state: VideoJobState) => void, onLog?: (line: LogLine) => void): Promise<VideoJobState>;
  read(): Promise<Record<string, unknown>>;
  cancel(): Promise<Record<string, unknown>>;
  delete(): Promise<void>;
  /** Ends `follow`, which rejects with an AbortError. */
  stop(): void;
}

export interface Options {
  baseUrl: string;
  /** Called for each request; with `true` where the last token was refused, so that a new one is needed. */
  token: (refused: boolean) => string | Promise<string>;
  /** How long to wait before a lost connection is tried again; 500 unless said. */
  retryMilliseconds?: number;
  /** After how long a silent connection counts as lost; 45,000 unless said: the server says something each 15 s. */
  silenceMilliseconds?: number;
}

export function lookreel(options: Options): {
  createVideo(video: NewVideo): Promise<VideoJob>;
  video(id: string): VideoJob;
};
