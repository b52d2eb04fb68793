// What relay-compiler reads (relay.config.json). In an application these are beside its components, and its build, by
// babel-plugin-relay or the like, puts the compiled ones in their place; relay.mjs imports those itself.

import { graphql } from 'relay-runtime';

graphql`query relayDocumentsPageQuery($id: ID!) {
  look(id: $id) { id videos { id videoJob { id status progressPercentage } } } }`;

graphql`subscription relayDocumentsFollowSubscription($id: ID!, $afterVersion: Int = 0) {
  videoJob(id: $id, afterVersion: $afterVersion) { id version status progressPercentage } }`;
