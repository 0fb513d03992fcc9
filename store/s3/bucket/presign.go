package bucket

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Presign makes an address that gives the object to whoever has it, while it is
// valid (7 days at most, and no longer than the credentials). contentType and
// disposition replace what the object says, if not empty. It makes no call to the
// endpoint.
func (b *Bucket) Presign(ctx context.Context, key string, valid time.Duration, contentType, disposition string) (url string, err error) {
	ctx, leave, err := b.enter(ctx)
	if err != nil {
		return "", fmt.Errorf("presigning %s: %w", key, err)
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, b.o.CallTimeout)
	defer cancel()
	if err := b.identify(ctx); err != nil {
		return "", classify(call{name: "presigning", subject: key}, err)
	}
	request, err := b.signer.PresignGetObject(ctx, &s3.GetObjectInput{
		Bucket: &b.o.Name, Key: b.full(key),
		ResponseContentType:        optional(contentType),
		ResponseContentDisposition: optional(disposition),
	}, s3.WithPresignExpires(valid))
	if err != nil {
		return "", fmt.Errorf("presigning %s: %w: %s", key, ErrRefused, err)
	}
	return request.URL, nil
}
