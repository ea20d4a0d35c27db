import { resource } from '../route.ts';
import { me } from './schemas.ts';

const { get } = resource('access');

export const accessRoutes = {
  getMe: get('/v1/me', {
    role: 'viewer',
    summary: 'The API key of the call, with its role and scopes',
    answers: { 200: me },
  }),
};
