// Package access finds out who sends a request, by its Bearer token (RFC 6750), and signs addresses for downloads.
//
// Tokens are either those of a file (Tokens), or JSON Web Tokens of an issuer (JWT, RFC 7519) whose public keys are fetched
// from an address (RFC 7517). Whoever owns uploads is called an owner: the name in the file, or the token's sub.
//
// # What holds
//
//   - A token longer than 8 KiB, or a JWT that hasn't exactly three parts, is refused before anything of it is parsed.
//   - Of a JWT the algorithm must be one of those that are set, all of them asymmetric, and fit the key that its kid names:
//     neither "none" nor a public key taken for a shared secret gets past. Its exp is required; nbf, iss and aud are held to
//     what is set; a critical header (crit) is one that isn't understood, so it is refused; keys that a token brings along or
//     points to (jwk, jku, x5c, x5u) are never looked at. A token without a kid is tried with the first eight keys that fit.
//   - An owner is valid UTF-8 of 1 to 256 bytes without control characters. A sub with U+FFFD is refused, since JSON decoders
//     put that in place of what isn't UTF-8: two subs could become one owner.
//   - What a token is compared with is looked up by a keyed hash, and compared in constant time. Tokens are never logged.
//   - A JWT that was verified is known again for a minute, never past its exp, and not after the keys have changed: an RSA
//     signature for each small upload would cost a tenth of the server. At most 10,000 are kept.
//
// # Under stress
//
// The tokens' file is looked at each second, and a change is in force when it was seen twice, so that one that is being
// written is not taken for whole; Reload takes it at once. A file that is missing, has no bytes or has a mistake leaves the last good one in
// force.
//
// Keys are fetched at the start, every ten minutes, and when a token's isn't among them, at most every five seconds. While there
// have never been any, tokens hear ErrAway, and they are tried again with growing pauses for ever. Once there were some, an
// issuer that is away, slow or talks nonsense changes nothing for tokens whose key is known. A token whose key isn't waits for the next
// look (a hundred of them at most), and hears ErrAway, not ErrInvalid, until two looks, half a minute apart, have missed that key: a new one
// must not cost anybody an upload, also where a cache in front of the issuer has it later. A thousand missed keys are remembered; when
// made-up ones fill that, all are forgotten, and their tokens hear ErrAway for longer. An answer above 1 MiB, a redirect to another host and a set without
// a usable key are refused as a whole; single keys that are of no use here are passed over.
//
// Each distinct trouble is logged once, and once when it is over.
package access
