// Loaded into Portkey's gateway in front of its own code: it would listen on every address of the machine.
'use strict';

const net = require('node:net');

const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function listenOnLoopback(place, ...rest) {
  const callback = rest.filter((each) => typeof each === 'function');
  const port = place !== null && typeof place === 'object' ? place.port : place;
  return listen.call(this, { port: Number(port), host: '127.0.0.1' }, ...callback);
};
