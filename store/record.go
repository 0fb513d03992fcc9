package store

// The keys of a record's Storage map that are for whoever reads records: what
// makes events, and operators. Values are strings; a key without a value is
// left out. tusd keeps keys there that it doesn't know.
const (
	KeyCreated = "Created" // when the upload was created, RFC 3339; not in records that tusd made
	KeyOwner   = "Owner"   // who created it
	KeyDigest  = "Digest"  // of the whole content: "sha256:" and hex digits
)
