// How the older systems' receivers verify: parse the body, stringify it again, compare the HMAC of that.
const crypto = require('node:crypto');
const chunks = [];
process.stdin.on('data', (chunk) => chunks.push(chunk));
process.stdin.on('end', () => {
  const verdicts = JSON.parse(Buffer.concat(chunks)).map(({ body, secret, signature, style }) => {
    const digest = crypto.createHmac('sha256', secret).update(JSON.stringify(JSON.parse(body))).digest('hex');
    return signature === (style === 'sha256' ? `sha256=${digest}` : digest);
  });
  console.log(JSON.stringify(verdicts));
});
