/** What a mount calls itself, so that it is not told of what it does itself. */

/** The header of each of its calls. */
export const MOUNT_HEADER = "jobx-mount";

/** Made by the mount, of random bits. */
export const MOUNT_NAME = /^[A-Za-z0-9-]{1,64}$/u;
