import type { Http2Session, Http2SessionOptions } from './session-options.ts'

export declare function createHttp2Session(options: Http2SessionOptions): Http2Session
