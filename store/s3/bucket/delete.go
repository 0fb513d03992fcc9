package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Delete removes objects, 1,000 in a call; missing ones are no error. On an error
// some of them may be gone.
func (b *Bucket) Delete(ctx context.Context, keys ...string) error {
	if len(keys) == 1 {
		return b.deleteOne(ctx, keys[0])
	}
	var errs []error
	for some := range slices.Chunk(keys, 1000) {
		if err := b.deleteSome(ctx, some); err != nil {
			errs = append(errs, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

func (b *Bucket) deleteOne(ctx context.Context, key string) error {
	_, err := b.do(ctx, b.small("DeleteObject", key), func(ctx context.Context) error {
		_, err := b.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.o.Name, Key: b.full(key)})
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

func (b *Bucket) deleteSome(ctx context.Context, keys []string) error {
	names := make([]types.ObjectIdentifier, len(keys))
	for i, key := range keys {
		names[i].Key = b.full(key)
	}
	c := b.small("DeleteObjects", fmt.Sprintf("%s and %d more", keys[0], len(keys)-1))
	_, err := b.do(ctx, c, func(ctx context.Context) error {
		out, err := b.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{
			Bucket: &b.o.Name,
			Delete: &types.Delete{Objects: names, Quiet: aws.Bool(true)},
		})
		if err != nil {
			return err
		}
		return notDeleted(out.Errors)
	})
	return err
}

// notDeleted is the first error that an answer of 200 has in it, if there is one.
func notDeleted(list []types.Error) error {
	for _, e := range list {
		v, known := verdictOf(aws.ToString(e.Code))
		switch {
		case v.kind == ErrNotFound:
			continue
		case aws.ToString(e.Code) == "InternalError" || aws.ToString(e.Code) == "ServiceUnavailable":
			v = verdict{ErrAway, true}
		case !known:
			v = verdict{ErrRefused, false}
		}
		return &failure{
			kind: v.kind, passing: v.passing, status: http.StatusOK, code: aws.ToString(e.Code),
			said: fmt.Sprintf("%s: %s: %s", aws.ToString(e.Key), aws.ToString(e.Code), aws.ToString(e.Message)),
		}
	}
	return nil
}
