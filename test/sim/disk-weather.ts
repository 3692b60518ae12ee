/** How slow the disks of a simulation are. */

/** How a host's disk behaves. */
export interface DiskWeather {
  readonly syncMsMin: number;
  readonly syncMsMax: number;
  /** Chance that a sync takes up to `stallMs` more. */
  readonly stallRatio: number;
  readonly stallMs: number;
}

export const CALM_DISK: DiskWeather = {
  syncMsMin: 0.3,
  syncMsMax: 4,
  stallRatio: 0,
  stallMs: 0,
};
