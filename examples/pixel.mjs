// An image, as a form's <input type="file"> gives one.

const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=';
export const pixel = new File([Uint8Array.from(atob(png), (byte) => byte.charCodeAt(0))], 'pixel.png', { type: 'image/png' });
