package s3

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store/s3/bucket"
)

// The keys that only this store needs in a record's Storage map; package store has the
// others. Type, Bucket and Key are tusd's.
const (
	keyType      = "Type"
	keyBucket    = "Bucket"
	keyKey       = "Key"
	keyMultipart = "Multipart" // the multipart upload, where the id has none
	keyParts     = "Parts"     // the grid of its parts
	keyFinishing = "Finishing" // in a part: when its object began to be made of parts
	keyFinished  = "Finished"  // when the upload was finished, where that has to be known
	keyFinal     = "Final"     // in a part: the id of the final that has its bytes
)

// storeType is the value of keyType, tusd's.
const storeType = "s3store"

// metaRecord is the object's metadata that has the record, in base64, where it fits:
// so a small upload needs no second object.
const metaRecord = "plateau-record"

// metaLimit is how long that may be: endpoints take 2 KB of metadata in all, and some
// a little less.
const metaLimit = 1800

// maxRecord is the largest record that is read: a final of 10,000 parts.
const maxRecord = 16 << 20

// errRecord is in the chain of all errors that say that a record can't be used, and
// errDamaged of those that say so of an upload's bytes.
var (
	errRecord  = errors.New("the record can't be used")
	errDamaged = errors.New("the upload's data can't be used")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// encodeRecord is the record as it is stored. The offset in it means nothing.
func encodeRecord(info handler.FileInfo) ([]byte, error) {
	info.Offset = 0
	text, err := json.Marshal(info)
	if err != nil {
		return nil, fmt.Errorf("encode the record: %w", err)
	}
	return text, nil
}

// parseRecord decodes a record and checks what a later step relies on. id is the
// upload's, or only its object.
func parseRecord(id string, text []byte) (info handler.FileInfo, err error) {
	if err := json.Unmarshal(text, &info); err != nil {
		return info, errors.Join(errRecord, err)
	}
	object, _ := splitID(id)
	of, _ := splitID(info.ID)
	_, given, whole := strings.Cut(id, "+")
	_, own, _ := strings.Cut(info.ID, "+")
	switch {
	case !validID(info.ID) || of != object || whole && given != own:
		return info, fmt.Errorf("%w: it is of another upload (%q)", errRecord, info.ID)
	case info.Size < 0:
		return info, fmt.Errorf("%w: its size is negative", errRecord)
	case info.Storage[keyFinal] != "" && !validID(info.Storage[keyFinal]):
		return info, fmt.Errorf("%w: its final upload is %q", errRecord, info.Storage[keyFinal])
	case info.Storage[keyMultipart] != "" && !validMultipart(info.Storage[keyMultipart]):
		return info, fmt.Errorf("%w: its multipart upload is %q", errRecord, info.Storage[keyMultipart])
	}
	return info, nil
}

// readRecord reads the record of an object. A missing one is bucket.ErrNotFound.
func (s *Store) readRecord(ctx context.Context, id string) (handler.FileInfo, bucket.Object, error) {
	object, _ := splitID(id)
	text, o, err := s.opts.Bucket.Read(ctx, recordKey(object), maxRecord)
	if errors.Is(err, bucket.ErrTooLarge) {
		err = fmt.Errorf("%w: %w", errRecord, err)
	}
	if err != nil {
		return handler.FileInfo{}, o, fmt.Errorf("read the record: %w", err)
	}
	info, err := parseRecord(id, text)
	return info, o, err
}

// writeRecord writes a record, under a condition, and returns its new ETag.
func (s *Store) writeRecord(ctx context.Context, info handler.FileInfo, when bucket.Condition) (string, error) {
	text, err := encodeRecord(info)
	if err != nil {
		return "", err
	}
	object, _ := splitID(info.ID)
	o, err := s.opts.Bucket.Put(ctx, recordKey(object), inMemory(text), when)
	if err != nil {
		return "", fmt.Errorf("write the record: %w", err)
	}
	return o.ETag, nil
}

// metadataOf returns the metadata of an object that carries its record; false if that
// is too long.
func metadataOf(info handler.FileInfo) (map[string]string, bool) {
	text, err := encodeRecord(info)
	if err != nil {
		return nil, false
	}
	encoded := base64.StdEncoding.EncodeToString(text)
	if len(encoded)+len(metaRecord) > metaLimit {
		return nil, false
	}
	return map[string]string{metaRecord: encoded}, true
}

// carriedRecord returns the record in an object's metadata; false if there is none that
// can be used.
func carriedRecord(id string, o bucket.Object) (handler.FileInfo, bool) {
	text, err := base64.StdEncoding.DecodeString(o.Metadata[metaRecord])
	if err != nil || len(text) == 0 {
		return handler.FileInfo{}, false
	}
	info, err := parseRecord(id, text)
	return info, err == nil
}

func inMemory(b []byte) bucket.Content {
	return bucket.Content{Body: strings.NewReader(string(b)), Size: int64(len(b)), CRC32C: crc32.Checksum(b, castagnoli), ContentType: "application/json"}
}

// multipartOf returns an upload's multipart upload; empty: it has none yet.
func multipartOf(info handler.FileInfo) string {
	if _, multipart := splitID(info.ID); multipart != "" {
		return multipart
	}
	return info.Storage[keyMultipart]
}

func formatOffset(n int64) string { return strconv.FormatInt(n, 10) }
