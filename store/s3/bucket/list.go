package bucket

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// List gives at most most (and at most 1,000) objects whose keys begin with prefix, in
// the order of their bytes, that come after the key after (empty: from the start), but
// none that has a further "/" behind the prefix. If there are more, it gives at least
// one; go on after its last. The objects have no Metadata.
func (b *Bucket) List(ctx context.Context, prefix, after string, most int) (objects []Object, more bool, err error) {
	in := s3.ListObjectsV2Input{
		Bucket: &b.o.Name, Prefix: b.full(prefix), Delimiter: aws.String("/"),
		MaxKeys: aws.Int32(int32(min(max(most, 1), 1000))),
	}
	if after != "" {
		in.StartAfter = b.full(after)
	}
	for {
		var out *s3.ListObjectsV2Output
		_, err := b.do(ctx, b.small("ListObjectsV2", prefix), func(ctx context.Context) (err error) {
			out, err = b.s3.ListObjectsV2(ctx, &in)
			return err
		})
		if err != nil {
			return nil, false, err
		}
		for _, o := range out.Contents {
			key, ok := strings.CutPrefix(aws.ToString(o.Key), b.o.Prefix)
			if !ok {
				continue
			}
			objects = append(objects, Object{
				Key:      key,
				Size:     aws.ToInt64(o.Size),
				ETag:     aws.ToString(o.ETag),
				Modified: aws.ToTime(o.LastModified),
			})
		}
		if !aws.ToBool(out.IsTruncated) || len(objects) > 0 {
			return objects, aws.ToBool(out.IsTruncated), nil
		}
		// A page may hold only what lies deeper: the caller couldn't go on after it.
		next := aws.ToString(out.NextContinuationToken)
		if next == "" || next == aws.ToString(in.ContinuationToken) {
			return nil, false, fmt.Errorf("ListObjectsV2 %s: %w: the listing does not go on", prefix, ErrAway)
		}
		in.ContinuationToken = &next
	}
}
