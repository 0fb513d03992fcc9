package store

import (
	"context"

	"github.com/tus/tusd/v2/pkg/handler"
)

// The keys of a record's Storage map that are for whoever reads records: what
// makes events, and operators. Values are strings; a key without a value is
// left out. tusd keeps keys there that it doesn't know.
const (
	KeyCreated = "Created" // when the upload was created, RFC 3339; not in records that tusd made
	KeyOwner   = "Owner"   // who created it
	KeyTrace   = "Trace"   // W3C traceparent of the request that created it
	KeyDigest  = "Digest"  // of the whole content: "sha256:" and hex digits
)

// Begin returns the record of a new upload with what is known of its beginning: that it
// is ours, when it was created (RFC 3339), and by whose request.
func Begin(ctx context.Context, info handler.FileInfo, created string) handler.FileInfo {
	r := RequestFrom(ctx)
	info = Mark(info, KeyCreated, created)
	if r.Owner != "" {
		info.Storage[KeyOwner] = r.Owner
	}
	if r.Trace != "" {
		info.Storage[KeyTrace] = r.Trace
	}
	return info
}
