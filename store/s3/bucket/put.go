package bucket

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Put writes an object whole: it is there as it was before, or as it is given.
// ErrConflict when the condition does not hold, ErrDamaged. The Object has no Modified. After
// ErrAway it may have been written, or may yet be: a condition guards what was written
// since.
func (b *Bucket) Put(ctx context.Context, key string, c Content, when Condition) (Object, error) {
	in := s3.PutObjectInput{
		Bucket: &b.o.Name, Key: b.full(key),
		ContentLength: &c.Size,
		ContentType:   optional(c.ContentType),
		Metadata:      c.Metadata,
	}
	if c.Lasting {
		in.StorageClass = types.StorageClass(b.o.StorageClass)
	}
	method, kmsKey, _ := cutSSE(b.o.SSE)
	in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryption(method), optional(kmsKey)
	etag, matching := strings.CutPrefix(string(when), "=")
	switch {
	case matching && etag == "":
		return Object{}, fmt.Errorf("PutObject %s: Match without an ETag", key)
	case matching:
		in.IfMatch = &etag
	case when == Absent:
		in.IfNoneMatch = aws.String("*")
	}
	prove := b.proof()
	in.ChecksumCRC32C = prove.header(c.CRC32C)

	var out *s3.PutObjectOutput
	tries, err := b.do(ctx, b.small("PutObject", key).withBody(b.o.CallTimeout, c.Size), func(ctx context.Context) (err error) {
		in.Body = io.NewSectionReader(c.Body, 0, c.Size)
		out, err = b.s3.PutObject(ctx, &in, prove.options...)
		return err
	})
	blame(err, c)
	if f, ok := errors.AsType[*failure](err); ok && matching && f.kind == ErrNotFound {
		f.kind = ErrConflict
	}
	if tries > 1 && when != Any && errors.Is(err, ErrConflict) {
		// An earlier attempt's answer may have been lost, not its work.
		return b.ours(ctx, key, c, err)
	}
	if err != nil {
		return Object{}, err
	}
	return Object{Key: key, Size: c.Size, ETag: aws.ToString(out.ETag), Metadata: c.Metadata}, nil
}

// ours looks whether what lies at the key is what we put there, in which case the
// conflict is with ourselves.
func (b *Bucket) ours(ctx context.Context, key string, c Content, conflict error) (Object, error) {
	found, sum, err := b.head(ctx, key, true)
	if errors.Is(err, ErrNotFound) {
		return Object{}, conflict
	}
	if err != nil {
		return Object{}, fmt.Errorf("reading back after a conflict: %w", err)
	}
	if found.Size != c.Size || !maps.Equal(found.Metadata, c.Metadata) {
		return Object{}, conflict
	}
	if sum == "" { // the endpoint keeps none: read the bytes
		if sum, err = b.sum(ctx, key, c.Size); err != nil {
			return Object{}, fmt.Errorf("reading back after a conflict: %w", err)
		}
	}
	if sum != encodeSum(c.CRC32C) {
		return Object{}, conflict
	}
	return found, nil
}

// sum is the checksum of an object's bytes, as the endpoint gives them.
func (b *Bucket) sum(ctx context.Context, key string, size int64) (string, error) {
	r, _, err := b.Open(ctx, key, 0, -1)
	if err != nil {
		return "", err
	}
	h := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	n, err := io.Copy(h, r)
	if err := errors.Join(err, r.Close()); err != nil {
		return "", err
	}
	if n != size {
		return "", fmt.Errorf("GetObject %s: %w: %d bytes instead of %d", key, ErrConflict, n, size)
	}
	return encodeSum(h.Sum32()), nil
}

// blame looks, when the endpoint got another body than it was told of, whether that was
// damaged on its way or already here.
func blame(err error, c Content) {
	f, ok := errors.AsType[*failure](err)
	if !ok || f.status != http.StatusBadRequest || f.kind != ErrAway {
		return
	}
	h := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	n, readErr := io.Copy(h, io.NewSectionReader(c.Body, 0, c.Size))
	if readErr != nil || n != c.Size || h.Sum32() != c.CRC32C {
		f.kind = ErrDamaged
	}
}

// proof is how a body is proved to be whole.
type proof struct {
	withCRC bool
	options []func(*s3.Options)
}

func (b *Bucket) proof() proof {
	if b.o.Checksum == "sha256" {
		return proof{} // over http the SDK signs the body's SHA-256
	}
	return proof{withCRC: true, options: []func(*s3.Options){unsigned}}
}

func (p proof) header(sum uint32) *string {
	if !p.withCRC {
		return nil
	}
	return aws.String(encodeSum(sum))
}

// encodeSum is a checksum as S3 writes it.
func encodeSum(sum uint32) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
