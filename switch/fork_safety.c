/* Preloaded into Kamailio where TLS is on. Kamailio's tls module lets OpenSSL allocate in shared memory, and prepares
 * it before it forks; so all processes inherit one pointer to one OpenSSL error queue and one random generator, meant
 * for one thread each. Two bad handshakes in two processes at once free the same memory twice, and the switch ends by
 * SIGABRT: with Debian 12's 5.6.3, within seconds of a scan (Kamailio's issue 3791). A child that forgets the pointers
 * makes its own at first use. Kamailio 5.8 does the same by itself (tls_threads_mode=2), and is not disturbed by this.
 *
 * Declared by hand, because the compiler may be tcc, without the C library's headers. */

extern void *pthread_getspecific(unsigned int key);
extern int pthread_setspecific(unsigned int key, const void *value);
/* What pthread_atfork stands for; that one lives in the static part of older C libraries. */
extern int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *object);

/* OpenSSL's keys are among the first that a process makes. */
#define KEYS 16

static void forget(void)
{
    unsigned int key;
    for (key = 0; key < KEYS; key++)
        if (pthread_getspecific(key))
            pthread_setspecific(key, 0);
}

__attribute__((constructor)) static void install(void)
{
    __register_atfork(0, 0, forget, 0);
}
