package bucket

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Parts lists all parts of a multipart upload by their numbers. ErrNoMultipart.
func (b *Bucket) Parts(ctx context.Context, key, id string) ([]Part, error) {
	in := s3.ListPartsInput{Bucket: &b.o.Name, Key: b.full(key), UploadId: &id}
	var parts []Part
	for {
		out, err := b.listParts(ctx, &in)
		if err != nil {
			return nil, err
		}
		for _, p := range out.Parts {
			part := Part{
				Number:   int(aws.ToInt32(p.PartNumber)),
				Size:     aws.ToInt64(p.Size),
				ETag:     aws.ToString(p.ETag),
				Modified: aws.ToTime(p.LastModified),
			}
			// Part sums of a plain multipart upload (begun by tusd, say) are listed by some
			// endpoints too, but refused at Complete.
			if out.ChecksumAlgorithm == types.ChecksumAlgorithmCrc32c {
				part.CRC32C = aws.ToString(p.ChecksumCRC32C)
			}
			parts = append(parts, part)
		}
		// The last page's marker is 0 on some endpoints: only IsTruncated counts.
		if !aws.ToBool(out.IsTruncated) {
			return parts, nil
		}
		if len(out.Parts) == 0 || aws.ToString(out.NextPartNumberMarker) == aws.ToString(in.PartNumberMarker) {
			return nil, fmt.Errorf("ListParts %s: %w: the listing does not go on", key, ErrAway)
		}
		in.PartNumberMarker = out.NextPartNumberMarker
	}
}

// listParts asks for one page.
func (b *Bucket) listParts(ctx context.Context, in *s3.ListPartsInput) (out *s3.ListPartsOutput, err error) {
	key := strings.TrimPrefix(*in.Key, b.o.Prefix)
	_, err = b.do(ctx, b.small("ListParts", key), func(ctx context.Context) (err error) {
		out, err = b.s3.ListParts(ctx, in)
		return err
	})
	return out, missingMultipart(err)
}
