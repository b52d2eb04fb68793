// Types of the documents in screens/, for graphql-codegen. Before: curl -O BASE_URL/graphql/schema.graphql
import type { CodegenConfig } from '@graphql-codegen/cli';

const config: CodegenConfig = {
  schema: 'schema.graphql',
  documents: 'screens/*.graphql',
  generates: {
    'generated/': {
      preset: 'client',
      config: {
        scalars: { DateTime: 'string', Upload: 'File' }, // ISO 8601; a part of a multipart request
        strictScalars: true, // a scalar that is not named here fails
        enumsAsTypes: true,
        useTypeImports: true,
      },
    },
  },
};

export default config;
