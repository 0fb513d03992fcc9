package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// CreateMultipart begins a multipart upload. It is tried once: after an error there
// may be one that nobody knows of.
func (b *Bucket) CreateMultipart(ctx context.Context, key string, metadata map[string]string, contentType string) (id string, err error) {
	method, kmsKey, _ := cutSSE(b.o.SSE)
	in := s3.CreateMultipartUploadInput{
		Bucket: &b.o.Name, Key: b.full(key),
		ContentType:          optional(contentType),
		Metadata:             metadata,
		StorageClass:         types.StorageClass(b.o.StorageClass),
		ServerSideEncryption: types.ServerSideEncryption(method),
		SSEKMSKeyId:          optional(kmsKey),
	}
	if b.o.Checksum == wholeObject {
		in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32c
		in.ChecksumType = types.ChecksumTypeFullObject
	}
	_, err = b.do(ctx, b.small("CreateMultipartUpload", key).once(), func(ctx context.Context) error {
		out, err := b.s3.CreateMultipartUpload(ctx, &in)
		if err == nil {
			id = aws.ToString(out.UploadId)
		}
		return err
	})
	if err == nil && id == "" {
		err = fmt.Errorf("CreateMultipartUpload %s: %w: the answer has no id", key, ErrAway)
	}
	return id, err
}

// PutPart stores a part, over the one with the same number if there is one. Of the
// content only Body, Size and CRC32C count. Errors: ErrNoMultipart, ErrDamaged.
func (b *Bucket) PutPart(ctx context.Context, key, id string, number int, c Content) (Part, error) {
	prove := b.proof()
	in := s3.UploadPartInput{
		Bucket: &b.o.Name, Key: b.full(key), UploadId: &id,
		PartNumber:     aws.Int32(int32(number)),
		ContentLength:  &c.Size,
		ChecksumCRC32C: prove.header(c.CRC32C),
	}
	var out *s3.UploadPartOutput
	call := b.small("UploadPart", partOf(key, number)).withBody(b.o.BodyTimeout, c.Size)
	_, err := b.do(ctx, call, func(ctx context.Context) (err error) {
		in.Body = io.NewSectionReader(c.Body, 0, c.Size)
		out, err = b.s3.UploadPart(ctx, &in, prove.options...)
		return err
	})
	blame(err, c)
	if f, ok := errors.AsType[*failure](err); ok && f.kind == ErrAway && f.status == 0 && !f.unsent {
		// An early no breaks the sending of a large body, and then isn't heard: ask.
		if _, e := b.listParts(ctx, &s3.ListPartsInput{Bucket: &b.o.Name, Key: b.full(key), UploadId: &id, MaxParts: aws.Int32(1)}); errors.Is(e, ErrNoMultipart) {
			err = e
		}
	}
	if err != nil {
		return Part{}, missingMultipart(err)
	}
	p := Part{Number: number, Size: c.Size, ETag: aws.ToString(out.ETag)}
	if b.o.Checksum == wholeObject {
		p.CRC32C = *in.ChecksumCRC32C
	}
	return p, nil
}

// CopyPart makes a part of length bytes of another object of this bucket, from offset
// on, if that still has this ETag (empty: whatever it has). Errors: ErrNoMultipart,
// ErrNotFound (no object from), ErrConflict (another ETag), ErrRange.
func (b *Bucket) CopyPart(ctx context.Context, key, id string, number int, from string, offset, length int64, etag string) (Part, error) {
	in := s3.UploadPartCopyInput{
		Bucket: &b.o.Name, Key: b.full(key), UploadId: &id,
		PartNumber:        aws.Int32(int32(number)),
		CopySource:        aws.String(escapePath(b.o.Name + "/" + *b.full(from))),
		CopySourceRange:   aws.String(fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)),
		CopySourceIfMatch: optional(etag),
	}
	if offset < 0 || length < 1 {
		return Part{}, fmt.Errorf("UploadPartCopy %s: %w: %d bytes from %d", partOf(key, number), ErrRange, length, offset)
	}
	var out *s3.UploadPartCopyOutput
	call := b.small("UploadPartCopy", partOf(key, number)+" from "+from).withBody(b.o.BodyTimeout, length)
	_, err := b.do(ctx, call, func(ctx context.Context) (err error) {
		out, err = b.s3.UploadPartCopy(ctx, &in)
		return err
	})
	if f, ok := errors.AsType[*failure](err); ok && f.code == "InvalidArgument" && strings.Contains(strings.ToLower(f.said), "range") {
		f.kind = ErrRange // AWS and others: a range past the source's end
	}
	if err != nil {
		return Part{}, err
	}
	if out.CopyPartResult == nil {
		return Part{}, fmt.Errorf("UploadPartCopy %s: %w: the answer is empty", partOf(key, number), ErrAway)
	}
	p := Part{Number: number, Size: length, ETag: aws.ToString(out.CopyPartResult.ETag), Modified: aws.ToTime(out.CopyPartResult.LastModified)}
	if b.o.Checksum == wholeObject {
		p.CRC32C = aws.ToString(out.CopyPartResult.ChecksumCRC32C)
	}
	return p, nil
}

// Abort throws a multipart upload and its parts away; a missing one is no error.
func (b *Bucket) Abort(ctx context.Context, key, id string) error {
	_, err := b.do(ctx, b.small("AbortMultipartUpload", key), func(ctx context.Context) error {
		_, err := b.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &b.o.Name, Key: b.full(key), UploadId: &id})
		return err
	})
	if errors.Is(missingMultipart(err), ErrNoMultipart) {
		return nil
	}
	return err
}

// Multiparts calls each for every multipart upload below the Prefix, until it returns
// an error. Some endpoints list none by a prefix: don't count on it.
func (b *Bucket) Multiparts(ctx context.Context, each func(key, id string, begun time.Time) error) error {
	in := s3.ListMultipartUploadsInput{Bucket: &b.o.Name, Prefix: optional(b.o.Prefix)}
	for {
		var out *s3.ListMultipartUploadsOutput
		_, err := b.do(ctx, b.small("ListMultipartUploads", b.o.Prefix), func(ctx context.Context) (err error) {
			out, err = b.s3.ListMultipartUploads(ctx, &in)
			return err
		})
		if err != nil {
			return err
		}
		for _, u := range out.Uploads {
			key, ok := strings.CutPrefix(aws.ToString(u.Key), b.o.Prefix)
			if !ok {
				continue
			}
			if err := each(key, aws.ToString(u.UploadId), aws.ToTime(u.Initiated)); err != nil {
				return err
			}
		}
		if !aws.ToBool(out.IsTruncated) {
			return nil
		}
		if aws.ToString(out.NextKeyMarker) == aws.ToString(in.KeyMarker) && aws.ToString(out.NextUploadIdMarker) == aws.ToString(in.UploadIdMarker) {
			return fmt.Errorf("ListMultipartUploads %s: %w: the listing does not go on", b.o.Prefix, ErrAway)
		}
		in.KeyMarker, in.UploadIdMarker = out.NextKeyMarker, out.NextUploadIdMarker
	}
}

// missingMultipart: a 404 to a call that names a multipart upload means that one,
// whatever code the endpoint gives it.
func missingMultipart(err error) error {
	if f, ok := errors.AsType[*failure](err); ok && f.kind == ErrNotFound {
		f.kind = ErrNoMultipart
	}
	return err
}

func partOf(key string, number int) string { return fmt.Sprintf("%s part %d", key, number) }

// escapePath escapes for a header that names an object.
func escapePath(path string) string {
	var s strings.Builder
	for _, c := range []byte(path) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~/", c) >= 0 {
			s.WriteByte(c)
		} else {
			fmt.Fprintf(&s, "%%%02X", c)
		}
	}
	return s.String()
}
