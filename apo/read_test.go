package apo

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestScalarsReadAsStringsOrAsTheirNaturalType(t *testing.T) {
	const ok = `"result":{"resultCode":"SUCCESS","resultStatus":"S"},`
	natural, err := readContent(OpCapture, []byte(`{`+ok+`"captureId":2019061218401080010018882020035,"paymentId":true,
		"captureAmount":{"currency":"JPY","value":20},"unused":1.5e3}`))
	require.NoError(t, err)
	quoted, err := readContent(OpCapture, []byte(`{`+ok+`"captureId":"2019061218401080010018882020035",
		"paymentId":"true","captureAmount":{"currency":"JPY","value":"20"}}`))
	require.NoError(t, err)
	natural.body, quoted.body = nil, nil // as they came
	assert.Equal(t, quoted, natural)
	assert.Equal(t, "2019061218401080010018882020035", natural.details.TransferID, "no digit lost to a float")
	assert.Equal(t, Amount{Currency: "JPY", Minor: 20}, natural.details.Amount)
}

func TestAbsentNullAndEmptyReadAlike(t *testing.T) {
	c, err := readContent(OpCapture,
		[]byte(`{"result":{"resultStatus":"S"},"captureId":null,"paymentId":"","captureAmount":null,"":"x"}`))
	require.NoError(t, err)
	assert.Equal(t, details{}, c.details)
}

func TestMalformedBodiesAreRefused(t *testing.T) {
	const ok = `"result":{"resultCode":"SUCCESS","resultStatus":"S"}`
	for name, row := range map[string]struct{ body, reason string }{
		"empty":              {``, "not one JSON object"},
		"not JSON":           {`<html>`, "not one JSON object"},
		"a list":             {`[]`, "not one JSON object"},
		"a string":           {`"S"`, "not one JSON object"},
		"two objects":        {`{` + ok + `}{}`, "not one JSON object"},
		"cut off":            {`{` + ok, "not one JSON object"},
		"trailing comma":     {`{` + ok + `,}`, "not one JSON object"},
		"invalid UTF-8":      {"{" + ok + ",\"paymentId\":\"\xff\"}", "not one JSON object"},
		"duplicate key":      {`{` + ok + `,"paymentId":"a","paymentId":"b"}`, "twice"},
		"duplicate, escaped": {`{` + ok + `,"paymentId":"a","payment\u0049d":"b"}`, "twice"},
		"duplicate result":   {`{"result":{"resultStatus":"F","resultStatus":"S"}}`, "twice"},
		"too deep": {`{` + ok + `,"x":` + strings.Repeat("[", depthMax+1) + strings.Repeat("]", depthMax+1) +
			`}`, "nested"},
		"no result":            {`{}`, "no result"},
		"null result":          {`{"result":null}`, "no result"},
		"result in other case": {`{"Result":{"resultStatus":"S"}}`, "no result"},
		"result is text":       {`{"result":"S"}`, "no result"},
		"status is an object":  {`{"result":{"resultStatus":{}}}`, "resultStatus"},
		"endless code": {`{"result":{"resultStatus":"F","resultCode":"` + strings.Repeat("A", codeMax+1) + `"}}`,
			"resultCode"},
		"long id":            {`{` + ok + `,"captureId":"` + strings.Repeat("A", IDMax+1) + `"}`, "captureId"},
		"id with control":    {`{` + ok + `,"captureId":"a\u0000"}`, "captureId"},
		"id is a list":       {`{` + ok + `,"captureId":["a"]}`, "captureId"},
		"amount is a scalar": {`{` + ok + `,"captureAmount":5}`, "captureAmount"},
		"amount overflows": {`{` + ok + `,"captureAmount":{"currency":"JPY","value":"9223372036854775808"}}`,
			"captureAmount"},
		"amount negative":       {`{` + ok + `,"captureAmount":{"currency":"JPY","value":"-1"}}`, "captureAmount"},
		"amount signed":         {`{` + ok + `,"captureAmount":{"currency":"JPY","value":"+1"}}`, "captureAmount"},
		"amount with fraction":  {`{` + ok + `,"captureAmount":{"currency":"JPY","value":"1.0"}}`, "captureAmount"},
		"amount with exponent":  {`{` + ok + `,"captureAmount":{"currency":"JPY","value":1e3}}`, "captureAmount"},
		"amount without value":  {`{` + ok + `,"captureAmount":{"currency":"JPY"}}`, "captureAmount"},
		"amount in small yen":   {`{` + ok + `,"captureAmount":{"currency":"jpy","value":"1"}}`, "captureAmount"},
		"amount in no currency": {`{` + ok + `,"captureAmount":{"value":"1"}}`, "captureAmount"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readContent(OpCapture, []byte(row.body))
			require.ErrorIs(t, err, ErrMalformed)
			assert.ErrorContains(t, err, row.reason)
		})
	}
	_, err := readContent(OpInquirePayment, []byte(`{`+ok+`,"paymentStatus":"SUCCESS","transactions":{}}`))
	require.ErrorIs(t, err, ErrMalformed)
	assert.ErrorContains(t, err, "transactions")
}

func TestTimesBecomeUTCAndUnreadableOnesZero(t *testing.T) {
	want := time.Date(2019, 6, 12, 11, 7, 11, 0, time.UTC)
	for text, expected := range map[string]time.Time{
		"2019-06-12T19:07:11+08:00": want, "2019-06-12T19:07:11+0800": want, "2019-06-12T11:07:11Z": want,
		"2019-06-12T11:07:11.5Z": want.Add(time.Second / 2),
		"":                       {}, "2019-06-12T19:07:11": {}, "yesterday": {}, "1560337631000": {},
	} {
		r := &reader{from: object{{name: "t", kind: jsonString, text: text, size: 1}}}
		got := r.time("t")
		assert.Equal(t, expected, got, text)
		assert.Equal(t, time.UTC, got.Location())
		assert.NoError(t, r.err, "a clumsy time is no reason to doubt a success")
	}
}

func TestEveryAmountSurvivesTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minor := rapid.Int64Range(0, math.MaxInt64).Draw(t, "minor")
		got, ok := parseMinor(wireOf(Amount{Currency: "EUR", Minor: minor}).Value)
		require.True(t, ok)
		require.Equal(t, minor, got)
	})
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		got, ok := parseMinor(text)
		want, err := strconv.ParseInt(text, 10, 64)
		digits := text != "" && strings.Trim(text, "0123456789") == "" && len(text) <= minorDigitsMax
		require.Equal(t, digits && err == nil, ok)
		if ok {
			require.Equal(t, want, got)
		}
	})
}

func TestIDsAreBounded(t *testing.T) {
	for _, id := range []string{"a", strings.Repeat("x", IDMax), "pay/1", "é"} {
		assert.NoError(t, checkID(id), id)
	}
	for _, id := range []string{"", strings.Repeat("x", IDMax+1), "a\x00", "a\nb", "\x7f", "\u0085", "\xff"} {
		assert.Error(t, checkID(id), "%q", id)
	}
}

func TestClipKeepsWholeCharacters(t *testing.T) {
	assert.Equal(t, "aé", clip("aéé", 3))
	assert.Equal(t, "aé", clip("aéé", 4))
	assert.Equal(t, "", clip("é", 1))
	assert.Equal(t, "abc", clip("abc", 3))
}

// FuzzReadContent feeds any body that APO could have signed through decoding,
// judging and proving.
func FuzzReadContent(f *testing.F) {
	f.Add([]byte(`{"result":{"resultStatus":"S","resultCode":"SUCCESS"},"paymentId":"P","paymentStatus":"SUCCESS",
		"transactions":[{"transactionType":"REFUND","transactionStatus":"SUCCESS",
		"transactionAmount":{"currency":"JPY","value":"1"}}]}`))
	f.Add([]byte(`{"result":{"resultStatus":"F"},"notifyType":"REFUND_RESULT","refundStatus":"FAIL","refundId":1}`))
	f.Add([]byte(`{"a":{"a":[[{}]]},"a":1}`))
	ops := []Op{OpPay, OpCancel, OpCapture, OpRefund, OpInquirePayment, OpInquireRefund, OpNotifyPayment, OpNotifyCapture,
		OpNotifyRefund, OpNotifyDispute}
	f.Add([]byte(`{"disputeNotificationType":"DISPUTE_JUDGED","disputeJudgedResult":"VALIDATE_FAIL","disputeId":"D"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, op := range ops {
			c, err := readContent(op, body)
			if err != nil {
				require.ErrorIs(t, err, ErrMalformed)
				continue
			}
			answer := judge(c, expectation{paymentID: "P"}, &Evidence{Body: body})
			if answer.Class == Unknown || answer.Class == UnknownFailure {
				require.Error(t, answer.Err)
			}
			for _, fact := range answer.Facts {
				require.False(t, fact.IsZero())
				require.True(t, fact.named())
				require.GreaterOrEqual(t, fact.Amount().Minor, int64(0))
			}
		}
		whole, err := parseObject(body)
		if err != nil {
			return
		}
		fact := understand(whole, &Evidence{Body: body})
		if err := fact.Err(); err != nil {
			require.True(t, errors.Is(err, ErrMalformed) || errors.Is(err, ErrUnknownNotification) ||
				errors.Is(err, ErrNoFact))
		}
		require.Equal(t, fact.Kind() == NotUnderstood, fact.Err() != nil)
		require.False(t, fact.IsZero())
	})
}
