# Owns the image of the server: built in one stage, run in another as a user without rights, its data in a volume.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY bin ./bin
COPY scripts ./scripts
COPY src ./src
COPY tools ./tools
RUN node scripts/build.js

FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# ioredis is an optional package: with it the image can also work on a Redis.
RUN npm ci --omit=dev --ignore-scripts && npm install --no-save --omit=dev --ignore-scripts ioredis@5.11.1

FROM node:24-bookworm-slim
ENV NODE_ENV=production LOGISTICS_DATA_DIR=/data LOGISTICS_NAMESPACE=default
WORKDIR /app
COPY package.json LICENSE README.md ./
COPY bin ./bin
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8787
HEALTHCHECK --interval=15s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8787/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/bin/logistics-mcp.js"]
# Beyond loopback only with tokens: make one first, with `token add`.
CMD ["serve", "--host", "0.0.0.0", "--port", "8787"]
