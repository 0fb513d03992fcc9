package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Complete makes an object of the parts, if there is none with this key, and looks
// whether it is there with exactly size bytes: only then there is no error. The call
// itself is tried once. Complete may be called again after every error. An object
// that is there with this size is success, whoever made it: keys must not be reused.
// Errors: ErrNoMultipart (and no object), ErrInvalidParts, ErrConflict (an object of
// another size), ErrUnsure (no object to be seen, and the endpoint did not say why).
func (b *Bucket) Complete(ctx context.Context, key, id string, parts []Part, size int64) (Object, error) {
	withSums, sure, err := inspect(parts, size)
	if err != nil {
		return Object{}, fmt.Errorf("CompleteMultipartUpload %s: %w", key, err)
	}
	if !sure {
		parts, withSums, err = b.resum(ctx, key, id, parts)
		if errors.Is(err, ErrNoMultipart) {
			return b.settle(ctx, key, size, err)
		}
		if err != nil {
			return Object{}, err
		}
	}
	err = b.complete(ctx, key, id, parts, withSums, size)
	if f, ok := errors.AsType[*failure](err); ok && f.status == http.StatusBadRequest && sure {
		// The sums have to be named for a multipart upload that keeps them, and must not
		// for one that doesn't: this one may be another's, or made by another setting.
		if again, with, e := b.resum(ctx, key, id, parts); e == nil && with != withSums {
			err = b.complete(ctx, key, id, again, with, size)
		}
	}
	return b.settle(ctx, key, size, err)
}

// inspect looks at what can be seen without asking. sure says that withSums, whether
// the parts have checksums, is the same for all of them.
func inspect(parts []Part, size int64) (withSums, sure bool, err error) {
	var total int64
	sums, last := 0, 0
	for _, p := range parts {
		if p.Number <= last {
			return false, false, fmt.Errorf("%w: part %d comes after part %d", ErrInvalidParts, p.Number, last)
		}
		last = p.Number
		total += p.Size
		if p.CRC32C != "" {
			sums++
		}
	}
	if len(parts) == 0 || total != size {
		return false, false, fmt.Errorf("%w: %d parts of %d bytes in all, not %d", ErrInvalidParts, len(parts), total, size)
	}
	return sums > 0, sums == 0 || sums == len(parts), nil
}

// resum gives the parts the checksums that the multipart upload keeps, or takes them
// away if it keeps none.
func (b *Bucket) resum(ctx context.Context, key, id string, parts []Part) (_ []Part, withSums bool, err error) {
	listed, err := b.Parts(ctx, key, id)
	if err != nil {
		return nil, false, err
	}
	sums := make(map[int]Part, len(listed))
	for _, p := range listed {
		sums[p.Number] = p
		withSums = withSums || p.CRC32C != ""
	}
	resummed := make([]Part, len(parts))
	for i, p := range parts {
		resummed[i] = p
		if is := sums[p.Number]; is.ETag == p.ETag {
			resummed[i].CRC32C = is.CRC32C
		}
	}
	return resummed, withSums, nil
}

func (b *Bucket) complete(ctx context.Context, key, id string, parts []Part, withSums bool, size int64) error {
	named := make([]types.CompletedPart, len(parts))
	for i, p := range parts {
		named[i] = types.CompletedPart{PartNumber: aws.Int32(int32(p.Number)), ETag: &p.ETag}
		if withSums {
			named[i].ChecksumCRC32C = optional(p.CRC32C)
		}
	}
	c := call{name: "CompleteMultipartUpload", subject: key, attempts: 1, timeout: b.o.CompleteTimeout}
	_, err := b.do(ctx, c, func(ctx context.Context) error {
		_, err := b.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &b.o.Name, Key: b.full(key), UploadId: &id,
			IfNoneMatch:     aws.String("*"),
			MpuObjectSize:   &size, // some endpoints look at it
			MultipartUpload: &types.CompletedMultipartUpload{Parts: named},
		})
		return err
	})
	return missingMultipart(err)
}

// settle decides what became of a Complete that ended with err. A yes may be wrong: one
// endpoint says it though the multipart upload was lost, or never was. A no may come
// after the work was done: to a second Complete, or from a proxy that waited too long.
func (b *Bucket) settle(ctx context.Context, key string, size int64, err error) (Object, error) {
	f, answered := errors.AsType[*failure](err)
	if answered && (f.unsent || f.kind == ErrInvalidParts || f.kind == ErrRefused) {
		return Object{}, err
	}
	found, headErr := b.Head(ctx, key)
	switch {
	case headErr == nil && found.Size == size:
		return found, nil
	case headErr == nil:
		return Object{}, fmt.Errorf("CompleteMultipartUpload %s: %w: there is one of %d bytes, not %d", key, ErrConflict, found.Size, size)
	case !errors.Is(headErr, ErrNotFound):
		return Object{}, fmt.Errorf("CompleteMultipartUpload %s: %w: %w", key, ErrUnsure, errors.Join(err, headErr))
	case errors.Is(err, ErrNoMultipart):
		return Object{}, err
	case err == nil:
		return Object{}, fmt.Errorf("CompleteMultipartUpload %s: %w: the endpoint said that it made the object, but there is none", key, ErrUnsure)
	case errors.Is(err, ErrConflict):
		return Object{}, fmt.Errorf("CompleteMultipartUpload %s: %w: the endpoint said that there is one, but none can be seen: %s", key, ErrUnsure, f.said)
	}
	return Object{}, fmt.Errorf("%w: %w", ErrUnsure, err)
}
