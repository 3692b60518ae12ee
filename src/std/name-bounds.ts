/** Bytes of one name of a file in UTF-8, as in Linux; whoever takes names holds to it. */
export const NAME_BYTES_MAX = 255;
