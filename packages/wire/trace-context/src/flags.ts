/** The caller may have recorded it, and whoever is called should. @see W3C Trace Context §3.2.2.5.1 */
export const sampledFlag = 0x01
/** The last seven bytes of the trace id were drawn at random. @see W3C Trace Context Level 2 §3.2.2.5.2 */
export const randomFlag = 0x02
