/** What one message may hold, either way. */
export const headLimits = { headBytesMax: 65_536, lineLengthMax: 16_384, fieldsMax: 250 };
export const bodyLimits = { chunkLineLengthMax: 1024, trailerBytesMax: 16_384, trailersMax: 100 };

/** The rest of a body whose answer is out is taken for so long, so that the connection can be kept. */
export const unreadBodyTimeoutMs = 5000;
/** A client that has ended its side may still read an answer, as long as some of it comes so soon. */
export const halfOpenTimeoutMs = 3000;
/** After our end, the client has so long to end its side. */
export const lingerMs = 2000;

/** A client that moves nothing for so long is given up. */
export const silenceTimeoutMs = 120_000;
/** Before its answer a server may say so many interim ones, each within so long of the one before. */
export const interimAnswersMax = 20;
export const interimSpanMs = 1000;

/** Deadlines of clients and servers are looked at so often, as they may come sooner than they were. */
export const lookAgainMs = 15_000;
