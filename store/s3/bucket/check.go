package bucket

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Check asks whether the bucket can be used, and says in words what is wrong: the
// bucket's name, the region, the clock, a right, the credentials, or the endpoint is
// away. Until it has once succeeded in this process, and after any call was refused, it also writes, reads and deletes
// a small object, "check/plateau", asks whether If-None-Match is honoured, and for the
// rights that multipart uploads need; then it makes one call. Errors: ErrAway,
// ErrRefused.
func (b *Bucket) Check(ctx context.Context) error {
	if err := b.checkList(ctx); err != nil {
		return b.explain(err, "s3:ListBucket")
	}
	if b.proven.Load() {
		return nil
	}
	b.proven.Store(true) // a call that is refused takes it back, from here on too
	err := b.checkObject(ctx)
	if err == nil {
		err = b.checkMultipart(ctx)
	}
	if err != nil {
		b.proven.Store(false)
	}
	return err
}

func (b *Bucket) checkList(ctx context.Context) error {
	var ahead time.Duration
	_, err := b.do(ctx, b.small("ListObjectsV2", b.o.Prefix), func(ctx context.Context) error {
		out, err := b.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b.o.Name, Prefix: b.full(""), MaxKeys: aws.Int32(1)})
		if err == nil {
			ahead, _ = awsmiddleware.GetAttemptSkew(out.ResultMetadata)
		}
		return err
	})
	if ahead.Abs() > time.Minute {
		b.o.Log.Warn("this machine's clock is not the S3 endpoint's; requests are signed with the endpoint's time", "endpoint_ahead", ahead.Round(time.Second).String())
	}
	return err
}

// checkObject does with a small object what the store does with all of them. Its name
// is always the same, so that without the right to delete no more than one is left;
// another server's check may take it away in the middle of ours.
func (b *Bucket) checkObject(ctx context.Context) (err error) {
	for range 3 {
		if err = b.tryObject(ctx); !errors.Is(err, errUnconditional) && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return err
}

// errUnconditional: a condition that should not hold did.
var errUnconditional = errors.New("ignores If-None-Match, which keeps two writers apart: it can't be used")

func (b *Bucket) tryObject(ctx context.Context) error {
	const key = "check/plateau"
	data := []byte("written by a check of the bucket; it may be deleted\n")
	c := Content{Body: bytes.NewReader(data), Size: int64(len(data)), CRC32C: crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))}
	_, err := b.Put(ctx, key, c, Absent)
	if err != nil && !errors.Is(err, ErrConflict) { // that: an earlier check left it
		return b.explain(err, "s3:PutObject")
	}
	ours := err == nil
	c.Metadata = map[string]string{"again": "1"} // so that Put doesn't take the first for this
	_, again := b.Put(ctx, key, c, Absent)
	read, _, err := b.Read(ctx, key, 4096)
	if ours && err == nil && !bytes.Equal(read, data) {
		err = fmt.Errorf("%w: bucket %s: what was written is not what is read", ErrRefused, b.o.Name)
	}
	if err != nil {
		err = b.explain(err, "s3:GetObject")
	}
	if e := b.Delete(ctx, key); e != nil {
		err = cmp.Or(err, b.explain(e, "s3:DeleteObject"))
	}
	switch {
	case err != nil:
		return err
	case again == nil:
		return fmt.Errorf("%w: the endpoint %s %w", ErrRefused, b.address(), errUnconditional)
	case !errors.Is(again, ErrConflict):
		return b.explain(again, "s3:PutObject")
	}
	return nil
}

// checkMultipart asks about a multipart upload that can't be: the answer to who has
// the right is that there is none.
func (b *Bucket) checkMultipart(ctx context.Context) error {
	const key, id = "check/none", "none"
	if _, err := b.Parts(ctx, key, id); stopped(err) {
		return b.explain(err, "s3:ListMultipartUploadParts")
	}
	if err := b.Abort(ctx, key, id); stopped(err) {
		return b.explain(err, "s3:AbortMultipartUpload")
	}
	return nil
}

// stopped says that the question was not answered.
func stopped(err error) bool {
	f, ok := errors.AsType[*failure](err)
	return err != nil && (!ok || f.kind == ErrAway || f.status == http.StatusForbidden)
}

// explain says what an operator can do about an error of a call that needs a right.
func (b *Bucket) explain(err error, right string) error {
	f, ok := errors.AsType[*failure](err)
	if !ok {
		return err
	}
	region := f.header.Get("X-Amz-Bucket-Region")
	switch f.code {
	case "NoCredentials":
		return fmt.Errorf("bucket %s: no credentials were found (environment, shared files, web identity, container, instance): %w", b.o.Name, err)
	case "InvalidAccessKeyId", "XAdminUserNotFound", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "TokenRefreshRequired":
		return fmt.Errorf("bucket %s: the endpoint %s doesn't take the credentials: %w", b.o.Name, b.address(), err)
	case "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture":
		return fmt.Errorf("bucket %s: this machine's clock is wrong%s: %w", b.o.Name, skew(f.header), err)
	case codeNoTLS:
		return fmt.Errorf("the S3 endpoint %s speaks http, not https: %w", b.address(), err)
	case "NoSuchBucket":
		return fmt.Errorf("there is no bucket %s at %s: %w", b.o.Name, b.address(), err)
	case "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect", "TemporaryRedirect", "InvalidRegion":
		return fmt.Errorf("bucket %s: the region %s is wrong%s: %w", b.o.Name, b.s3.Options().Region, hint(region), err)
	}
	switch {
	case f.status >= 300 && f.status < 400 || region != "" && region != b.s3.Options().Region:
		return fmt.Errorf("bucket %s: the region %s is wrong%s: %w", b.o.Name, b.s3.Options().Region, hint(region), err)
	case f.kind == ErrAway && f.status == 0:
		return fmt.Errorf("the S3 endpoint %s can't be reached: %w", b.address(), err)
	case f.kind == ErrAway:
		return fmt.Errorf("the S3 endpoint %s has trouble: %w", b.address(), err)
	case f.status == http.StatusForbidden:
		return fmt.Errorf("bucket %s: the right %s is missing: %w", b.o.Name, right, err)
	case f.status == http.StatusNotFound && right == "s3:ListBucket":
		return fmt.Errorf("there is no bucket %s at %s, or that is not an S3 endpoint: %w", b.o.Name, b.address(), err)
	}
	return fmt.Errorf("bucket %s at %s can't be used: %w", b.o.Name, b.address(), err)
}

func (b *Bucket) address() string {
	return cmp.Or(aws.ToString(b.s3.Options().BaseEndpoint), "of AWS in "+b.s3.Options().Region)
}

func hint(region string) string {
	if region == "" {
		return ""
	}
	return ": it is " + region
}

// skew is how far the clocks are apart, by the Date of an answer.
func skew(h http.Header) string {
	theirs, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return ""
	}
	off := time.Until(theirs).Round(time.Second)
	if off < 0 {
		return fmt.Sprintf(": it is %v ahead of the endpoint's", -off)
	}
	return fmt.Sprintf(": it is %v behind the endpoint's", off)
}
