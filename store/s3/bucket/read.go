package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Head says what is known of an object; ErrNotFound if there is none.
func (b *Bucket) Head(ctx context.Context, key string) (Object, error) {
	found, _, err := b.head(ctx, key, false)
	return found, err
}

// head asks for the whole object's CRC32C too; sum is empty if the endpoint has none.
func (b *Bucket) head(ctx context.Context, key string, withSum bool) (found Object, sum string, err error) {
	in := s3.HeadObjectInput{Bucket: &b.o.Name, Key: b.full(key)}
	if withSum {
		in.ChecksumMode = types.ChecksumModeEnabled
	}
	var out *s3.HeadObjectOutput
	_, err = b.do(ctx, b.small("HeadObject", key), func(ctx context.Context) (err error) {
		out, err = b.s3.HeadObject(ctx, &in)
		return err
	})
	if err != nil {
		return Object{}, "", err
	}
	if out.ChecksumType != types.ChecksumTypeComposite {
		sum = aws.ToString(out.ChecksumCRC32C)
	}
	return Object{
		Key:      key,
		Size:     aws.ToInt64(out.ContentLength),
		ETag:     aws.ToString(out.ETag),
		Modified: aws.ToTime(out.LastModified),
		Metadata: out.Metadata,
	}, sum, nil
}

// Read gives a whole small object, of at most most bytes: a larger one is
// ErrTooLarge.
func (b *Bucket) Read(ctx context.Context, key string, most int64) ([]byte, Object, error) {
	var data []byte
	var found Object
	_, err := b.do(ctx, b.small("GetObject", key).withBody(b.o.CallTimeout, most), func(ctx context.Context) error {
		out, err := b.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.o.Name, Key: b.full(key)})
		if err != nil {
			return err
		}
		defer out.Body.Close()
		if out.ContentLength == nil {
			return errNoLength()
		}
		found = objectOf(key, out)
		if found.Size > most {
			return &failure{kind: ErrTooLarge, said: fmt.Sprintf("%d bytes, more than %d", found.Size, most)}
		}
		data = make([]byte, found.Size)
		if _, err = io.ReadFull(out.Body, data); err != nil {
			return brokenOff(err)
		}
		return nil
	})
	if err != nil {
		return nil, Object{}, err
	}
	return data, found, nil
}

// Open reads length bytes of an object from offset on; a length of -1: to its end.
// Object.Size is the whole object's. The reader ends early with an error (never with
// io.EOF) if the endpoint sends less; it must be closed. ctx ends the reading too. The
// connection isn't one of Options.Conns: a slow reader takes nothing from uploads.
// Errors: ErrNotFound, ErrRange.
func (b *Bucket) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, Object, error) {
	in := s3.GetObjectInput{Bucket: &b.o.Name, Key: b.full(key)}
	switch {
	case offset < 0 || length < -1:
		return nil, Object{}, fmt.Errorf("GetObject %s: %w: %d bytes from %d", key, ErrRange, length, offset)
	case length == 0:
		found, err := b.Head(ctx, key)
		return io.NopCloser(strings.NewReader("")), found, err
	case length > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", offset, offset+length-1))
	case offset > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", offset))
	}
	var body *reading
	var found Object
	_, err := b.do(ctx, b.small("GetObject", key), func(limited context.Context) error {
		// The request has to outlive the attempt that made it.
		r := b.newReading(ctx, "GetObject "+key)
		stop := context.AfterFunc(limited, func() { r.cancel(limited.Err()) })
		out, err := b.s3.GetObject(r.ctx, &in, func(o *s3.Options) { o.HTTPClient = b.readers })
		if !stop() && err == nil { // too late, by a hair
			err = errors.Join(limited.Err(), out.Body.Close())
		}
		if err != nil {
			r.release()
			return err
		}
		if out.ContentLength == nil { // then nobody sees when it ends early
			r.release()
			return errors.Join(errNoLength(), out.Body.Close())
		}
		found = objectOf(key, out)
		if in.Range != nil {
			size, err := sizeOfRange(aws.ToString(out.ContentRange), offset)
			if err != nil {
				r.release()
				return errors.Join(err, out.Body.Close())
			}
			found.Size = size
		}
		r.body = out.Body
		body = r
		return nil
	})
	if err != nil {
		return nil, Object{}, err
	}
	return body, found, nil
}

// sizeOfRange is the whole object's size, from "bytes 5-9/10".
func sizeOfRange(text string, offset int64) (int64, error) {
	span, total, ok := strings.Cut(text, "/")
	size, err := strconv.ParseInt(total, 10, 64)
	if !ok || err != nil || !strings.HasPrefix(span, fmt.Sprintf("bytes %d-", offset)) {
		return 0, &failure{kind: ErrRefused, said: fmt.Sprintf("asked for a range from %d, the endpoint sent %q", offset, text)}
	}
	return size, nil
}

func objectOf(key string, out *s3.GetObjectOutput) Object {
	return Object{
		Key:      key,
		Size:     aws.ToInt64(out.ContentLength),
		ETag:     aws.ToString(out.ETag),
		Modified: aws.ToTime(out.LastModified),
		Metadata: out.Metadata,
	}
}

// brokenOff is an answer whose body ended early.
func brokenOff(err error) error {
	return &failure{kind: ErrAway, passing: true, said: "the body broke off: " + err.Error()}
}

func errNoLength() error {
	return &failure{kind: ErrRefused, said: "the answer doesn't say how long it is"}
}
